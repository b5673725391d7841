//! Random bytes for getrandom, which has no source of its own on this target and where the host offers none outside
//! WASI. Only hash maps' seeds are drawn from it; nothing secret may be.
#![allow(unsafe_code)]

use std::cell::Cell;

use proxy_wasm::hostcalls;

thread_local! {
    static STATE: Cell<u64> = const { Cell::new(0) };
}

/// SplitMix64 (Steele, Lea, Flood 2014), seeded by the host's clock.
fn next() -> u64 {
    let seed = || match hostcalls::get_current_time().map(|t| t.duration_since(std::time::UNIX_EPOCH)) {
        Ok(Ok(since)) => since.as_nanos() as u64,
        _ => 0,
    };
    let state = match STATE.get() {
        0 => seed(),
        state => state,
    }
    .wrapping_add(0x9e37_79b9_7f4a_7c15);
    STATE.set(state);
    let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[unsafe(no_mangle)]
unsafe extern "Rust" fn __getrandom_v03_custom(dest: *mut u8, len: usize) -> Result<(), getrandom::Error> {
    // SAFETY: getrandom hands over a buffer of `len` bytes, possibly uninitialised: it is only written to.
    for i in 0..len {
        unsafe { dest.add(i).write(next() as u8) };
    }
    Ok(())
}
