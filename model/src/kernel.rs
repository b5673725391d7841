//! The matrix kernel of the Wasm build.

use tract_core::prelude::DatumType;
use tract_core::prelude::tract_linalg::isa::Arch;
use tract_core::prelude::tract_linalg::mmm_tiers::MmmTier;

// tract prefers its 8x8 kernel, whose sixteen vectors do not fit a processor's registers. V8 then keeps some on the stack,
// which it aligns to 8 bytes only: whether they straddle cache lines hangs on the frames above, and makes all of inference
// twice as slow after an unrelated change somewhere in the filter. This one fits, and is a tenth slower than the other
// at its best.
tract_core::internal::inventory::submit! {
    MmmTier {
        arch: Some(Arch::Wasm32Simd128),
        precedence: 2,
        name: "promptswitch",
        applies: |_| true,
        preferred: |_, accumulator, query, _| {
            (accumulator == DatumType::F32 && query.n != Some(1)).then_some("wasm_f32_4x4")
        },
    }
}
