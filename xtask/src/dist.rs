//! The module that Envoy loads: built, stripped, and described.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload};

use crate::run::{root, run};
use crate::toolchain;

/// Code size is start-up time and memory in every VM: a build that outgrows this is refused.
const MAX_BYTES: usize = 16 * 1024 * 1024; // 16 MiB

/// `dist/promptswitch.wasm`.
pub(crate) fn wasm() -> PathBuf {
    root().join("dist/promptswitch.wasm")
}

/// Builds `dist/promptswitch.wasm` and its unstripped twin, and prints what they are.
pub(crate) fn dist() -> Result<()> {
    let mut cargo = toolchain::cargo_build()?;
    run(
        "building the filter for Wasm",
        cargo.args(["--profile", "wasm", "--package", "promptswitch-filter"]),
    )?;
    let target = cargo
        .get_args()
        .skip_while(|arg| *arg != "--target-dir")
        .nth(1)
        .context("the build has no target folder")?
        .to_owned();
    let built = root()
        .join(target)
        .join(toolchain::TARGET)
        .join("wasm/promptswitch_filter.wasm");
    let unstripped = fs::read(&built).with_context(|| built.display().to_string())?;
    let stripped = strip(&unstripped)?;
    fs::create_dir_all(root().join("dist"))?;
    fs::write(root().join("dist/promptswitch.unstripped.wasm"), &unstripped)?;
    fs::write(wasm(), &stripped)?;
    describe(&stripped)
}

fn describe(module: &[u8]) -> Result<()> {
    let imports = imports(module)?;
    println!("dist/promptswitch.wasm");
    println!(
        "  size    {} bytes ({:.2} MiB), limit {MAX_BYTES}",
        module.len(),
        module.len() as f64 / 1048576.0
    );
    println!("  sha256  {:x}", Sha256::digest(module));
    println!("  imports {} {}", imports.len(), imports.join(" "));
    if module.len() > MAX_BYTES {
        bail!("the module is larger than its limit of {MAX_BYTES} bytes");
    }
    match imports.iter().find(|name| !name.starts_with("env.proxy_")) {
        Some(name) => bail!("the module imports {name}, which not every host offers"),
        None => Ok(()),
    }
}

/// Imports as `module.name`.
pub(crate) fn imports(module: &[u8]) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                let import = import?;
                names.push(format!("{}.{}", import.module, import.name));
            }
        }
    }
    Ok(names)
}

/// The module without its custom sections (names, producers): they are debugging aids, and every VM would hold them.
fn strip(module: &[u8]) -> Result<Vec<u8>> {
    let mut stripped = module.get(..8).context("not a Wasm module")?.to_vec();
    let mut position = 8;
    while let Some((&id, rest)) = module.get(position..).and_then(<[u8]>::split_first) {
        let (size, width) = leb128(rest).context("a section without a size")?;
        let end = position + 1 + width + size;
        if id != 0 {
            stripped.extend_from_slice(module.get(position..end).context("a section beyond the end")?);
        }
        position = end;
    }
    Ok(stripped)
}

/// An unsigned LEB128 number and its width in bytes.
fn leb128(bytes: &[u8]) -> Option<(usize, usize)> {
    let width = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)? + 1;
    let value = bytes
        .iter()
        .take(width)
        .rev()
        .fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f));
    Some((value, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stripping_takes_custom_sections_and_nothing_else() {
        let module = b"\0asm\x01\0\0\0\x00\x05\x04name\x01\x04\x01\x60\0\0\x00\x02\x01x";
        assert_eq!(strip(module).unwrap(), b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0");
    }

    #[test]
    fn the_built_module_imports_only_host_calls() {
        let path = wasm();
        let module = fs::read(&path).expect("run `cargo xtask dist` first");
        let imports = imports(&module).unwrap();
        assert!(!imports.is_empty());
        for name in imports {
            assert!(name.starts_with("env.proxy_"), "{name}");
        }
    }
}
