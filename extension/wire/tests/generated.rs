//! The checked-in code is what the contract generates, and generating it needs no `protoc`.
//!
//! `OVERWRITE=1 cargo test -p overtime-wire --test generated` writes it anew.

use std::path::Path;

#[test]
fn the_checked_in_code_is_what_the_contract_generates() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors =
        protox::compile(["overtime/v1/batch.proto"], [crate_dir.join("proto")]).unwrap();
    let out = std::env::temp_dir().join(format!("overtime-wire-{}", std::process::id()));
    std::fs::create_dir_all(&out).unwrap();
    prost_build::Config::new().out_dir(&out).compile_fds(descriptors).unwrap();
    let generated = std::fs::read_to_string(out.join("overtime.v1.rs")).unwrap();
    std::fs::remove_dir_all(&out).unwrap();

    let checked_in = crate_dir.join("src/v1.rs");
    if std::env::var_os("OVERWRITE").is_some() {
        std::fs::write(&checked_in, &generated).unwrap();
    }
    assert!(
        std::fs::read_to_string(&checked_in).unwrap() == generated,
        "src/v1.rs is stale: run this test once with OVERWRITE=1"
    );
}
