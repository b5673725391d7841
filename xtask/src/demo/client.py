"""Sends prompts through the gateway with the official OpenAI client; prints one JSON object a request."""

import json
import sys

from openai import OpenAI

PROMPTS = [
    "What is the derivative of x^3 * sin(x)?",
    "Prove that the square root of 2 is irrational.",
    "一个三角形的三个内角分别是 30 度、60 度和多少度？",
    "求解方程 x^2 - 5x + 6 = 0",
    "What is the probability of rolling two sixes with two dice?",
    "How do I reverse a linked list in Rust?",
    "用 Python 写一个快速排序函数",
    "Why did the Roman Empire fall?",
    "秦始皇统一六国是在哪一年？",
    "What are the symptoms of type 2 diabetes?",
    "感冒和流感有什么区别？",
    "Explain how inflation affects interest rates.",
    "What is the difference between a crime and a tort?",
    "劳动合同到期后公司不续签需要赔偿吗？",
    "How does photosynthesis work?",
    "Balance the equation: H2 + O2 -> H2O",
    "A car accelerates from rest at 3 m/s^2. How far does it travel in 5 s?",
    "What did Kant mean by the categorical imperative?",
    "Write a short marketing plan for a coffee shop.",
    "Recommend a good movie for tonight.",
]


def ask(client: OpenAI, prompt: str, stream: bool) -> dict:
    response = client.chat.completions.with_raw_response.create(
        model="auto", messages=[{"role": "user", "content": prompt}], stream=stream
    )
    answer = response.parse()
    if stream:
        model = [chunk.model for chunk in answer][-1]
    else:
        model = answer.model
    return {"via": "openai, streamed" if stream else "openai", "prompt": prompt, "model": model, "headers": dict(response.headers)}


def main() -> None:
    client = OpenAI(base_url=sys.argv[1], api_key="none", max_retries=0, default_headers={"x-vsr-debug": "true"})
    for index, prompt in enumerate(PROMPTS):
        print(json.dumps(ask(client, prompt, stream=index % 4 == 3)), flush=True)


if __name__ == "__main__":
    main()
