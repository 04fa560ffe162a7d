//! Short names for long content: the first 16 bytes of a SHA-256, as 32 hexadecimal digits, or the first 8 as a number.

use sha2::{Digest as _, Sha256};

/// How long such a name is.
pub const LENGTH: usize = 32;

pub fn hex(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let mut first = [0; 16];
    first.copy_from_slice(&digest[..16]);
    format!("{:032x}", u128::from_be_bytes(first))
}

pub fn number(content: &[u8]) -> u64 {
    let digest = Sha256::digest(content);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_stable() {
        assert_eq!(hex(b"overtime"), hex(b"overtime"));
        assert_eq!(hex(b""), "e3b0c44298fc1c149afbf4c8996fb924");
        assert_eq!(number(b""), 0xe3b0_c442_98fc_1c14);
    }
}
