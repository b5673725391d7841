//! Any bytes as header values and body, through the whole filter on the fake host.
#![no_main]

#[path = "../../tests/fake/mod.rs"]
mod fake;
#[path = "../../tests/fake/case.rs"]
mod case;

libfuzzer_sys::fuzz_target!(|data: &[u8]| case::run(data));
