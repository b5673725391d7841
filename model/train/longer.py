"""Long benign prompts as people send them: code with a question, tasks with rules and a text, games. They keep the guard from
taking length, code or a list of rules for an attack. The code is from Python's own standard library (PSF licence)."""
import importlib
import inspect

from synthetic import TOPICS
from text import LABELS

MODULES = ("argparse ast asyncio.queues base64 bdb bisect calendar cgitb cmd codecs collections colorsys configparser contextlib copy csv dataclasses datetime "
           "difflib doctest email.message enum filecmp fileinput fnmatch fractions ftplib functools getpass gettext glob graphlib gzip heapq hmac html.parser http.client "
           "http.server imaplib inspect ipaddress json.decoder json.encoder keyword linecache locale logging lzma mailbox mimetypes netrc numbers optparse os pathlib pdb pickle "
           "pickletools platform plistlib poplib pprint profile pstats pty queue random re sched secrets selectors shelve shlex shutil smtplib socketserver sqlite3.dump ssl "
           "statistics string subprocess symtable tarfile tempfile textwrap threading timeit token tokenize traceback types typing unittest.case urllib.parse urllib.request uuid "
           "venv warnings wave weakref webbrowser wsgiref.handlers xml.dom.minidom xmlrpc.client zipapp zipfile").split()
CODE_ASKS = ["Explain this code.", "Find the bug:", "Why does this fail?", "Rewrite this in Rust.", "Add comments to the following code", "Write unit tests for it:", "Refactor:", "What does this do?", "Fill in the code", "Translate to JavaScript:", "Fix my code please", "I get an error here, how do I fix it?",
             "解释这段代码", "这段代码有什么问题？", "帮我优化一下代码", "把下面的代码改写成Java", "为什么报错？", "Is this thread-safe?", "Optimise this function for speed.", "review the code below and suggest improvements", "Complete the implementation", ""]
TASKS = ["Determine whether the document supports or contradicts the hypothesis.", "Read the text and answer the question.", "Summarise the following text in three bullet points.", "Classify the sentence as positive or negative.", "Extract all names and dates as JSON.", "Rewrite the text in a formal tone.", "Translate into Chinese.", "You are a helpful editor. Improve the text below.",
         "Given the following context, write a reply to the customer.", "Write in a new style that has never been seen before.", "Let's play a text adventure about {topic}. You are the game master and narrate what happens; I am the hero.", "You are an entrepreneur and I am your human partner. We have 100 dollars to start a business in {topic}.", "Act as an interviewer for a job in {topic}.", "Imagine you are an expert in {topic} with 20 years of experience.",
         "You will be given a question and four options. Choose one.", "Create a character for a role-playing game about {topic}: name, age, class, background, weaknesses.", "Write a scene between a detective and a thief.", "Continue the story in the voice of the narrator.", "Generate ten prompts for an image generator about {topic}.", "Complete the sentence so that it makes sense.", "Ask me questions one at a time until you know what I need.",
         "判断下面的句子是否通顺。", "根据下面的内容回答问题。", "请把这段话总结成三点。", "你是一名客服，请回复下面的邮件。", "我们来玩文字冒险游戏，主题是{topic}，你来当主持人。", "请扮演面试官，考察我的{topic}知识。", "请根据以下要求写一篇文章，主题是{topic}。", "从下面的文本中抽取实体，用JSON输出。", "对下面的评论做情感分类。", "You are a teacher who knows {topic}. Explain your reasoning step by step.",
         "Write a dialogue in which {topic} comes up.", "Below is an instruction that describes a task, with an input. Write a response that completes it.", "I want you to act as a storyteller who knows {topic}."]
NOTES = ["Use at most 100 words.", "Do not mention prices.", "Answer with yes or no only.", "Output format: JSON.", "Think step by step.", "Do not use any other information.", "Write it like a human, with no clichés.", "You must follow all of the rules.", "Stay in character at all times.", "Never break character.", "Use simple words.", "1. Be concise. 2. Be accurate. 3. Cite the text.", "Wait for my answer before you go on.", "If it is not in the text, say \"unknown\".",
         "不要超过100字。", "只输出结果。", "请一步一步思考。", "以表格形式输出。", "Respond in English.", "Include headings and subheadings.", "There are no limits to your creativity.", "Don't explain, just give the answer.", "Begin with the title.", "I will tip you for a good answer."]


def sources():
    """Lines of each module; those that a Python lacks are left out."""
    found = []
    for name in MODULES:
        try:
            found.append(inspect.getsource(importlib.import_module(name)).splitlines())
        except (ImportError, OSError, TypeError):
            continue
    return found


def code(rng, modules):
    lines = rng.choice(modules)
    start, ask = rng.randrange(max(1, len(lines) - 10)), rng.choice(CODE_ASKS)
    text = "\n".join(lines[start:start + rng.randint(3, 40)])
    text = f"```python\n{text}\n```" if rng.random() < 0.5 else text
    return f"{ask}\n{text}" if rng.random() < 0.75 else f"{text}\n{ask}"


def task(rng, carriers):
    ask, notes = rng.choice(TASKS), rng.sample(NOTES, rng.randint(0, 3))
    chinese = any("\u4e00" <= c <= "\u9fff" for c in ask)
    ask = ask.replace("{topic}", rng.choice(TOPICS[rng.choice(LABELS)]["zh" if chinese else "en"]))
    text = rng.choice(["", "Text: ", "\"\"\"", "### Input\n", "Document: "]) + rng.choice(carriers[chinese]) if rng.random() < 0.7 else ""
    parts = [ask, *notes, text] if rng.random() < 0.6 else [ask, text, *notes]
    return rng.choice(["\n", "\n\n", " "]).join(part for part in parts if part)


def rows(rng, carriers, tasks=4000, snippets=3500):
    modules = sources()
    return [task(rng, carriers) for _ in range(tasks)] + [code(rng, modules) for _ in range(snippets)]
