//! A prompt as a chain of hashes, one for each block, so that prompts that begin alike have chains that begin alike.
//!
//! As the endpoint picker of the Gateway API Inference Extension does it (`approx-prefix-cache-producer`: xxhash64 chained from
//! the model's name on, tokens taken for 4 bytes, blocks of 64 tokens), but over the bytes as they were sent, and with what
//! chat templates put before the messages: tools and system prompts that stand apart.

use twox_hash::XxHash64;

use crate::{Request, Verdict};

/// 64 tokens of 4 bytes.
const BLOCK_BYTES: usize = 256;
/// No more than 512 KiB of a prompt are hashed, which is about 131,072 tokens.
pub(super) const MAX_BLOCKS: usize = 2048;

/// What a model server reads before the conversation, in this order. Not every API has all of them.
const BEFORE: [&str; 3] = ["tools", "system", "instructions"];

/// The blocks of a request's prompt, hashed from the first on: each hash stands for all the text up to its block's end.
pub(super) fn blocks(request: &Request<'_>, verdict: &Verdict) -> Vec<u64> {
    let mut hash = XxHash64::oneshot(0, verdict.upstream_model.as_bytes());
    if verdict.injected_system_prompt {
        // What the server reads first is then the decision's, and the same for all of its requests.
        let decision = verdict.decision.as_deref().unwrap_or_default();
        hash = XxHash64::oneshot(hash, decision.as_bytes());
    }
    // vLLM keeps apart what bears different salts.
    hash = XxHash64::oneshot(hash, request.field("cache_salt").unwrap_or_default());
    let before = BEFORE.iter().filter_map(|key| request.field(key));
    // Text follows, so that a block that is not full is as complete as one that is.
    let before = before.flat_map(|part| part.chunks(BLOCK_BYTES));
    let prompt = request.field(request.prompt_key()).unwrap_or_default();
    let blocks = before.chain(prompt.chunks_exact(BLOCK_BYTES)).take(MAX_BLOCKS);
    let chain = |hash: &mut u64, block: &[u8]| {
        *hash = XxHash64::oneshot(*hash, block);
        Some(*hash)
    };
    blocks.scan(hash, chain).collect()
}
