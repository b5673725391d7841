//! The module's entry point. Exports need `unsafe`, which is denied everywhere else.
#![allow(unsafe_code)]

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Called once by the host before anything else (`proxy_wasm::main!` would do so, but leaves the constructors out on
/// this target).
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // tract registers its kernels in constructors, and falls back to slow ones without a word where they did not run.
    #[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
    unsafe {
        __wasm_call_ctors();
    }
    crate::envoy::register();
}
