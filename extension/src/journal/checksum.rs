//! CRC-32 as in zlib: every single altered byte is seen, and of other damage all but one in four thousand million.

const POLYNOMIAL: u32 = 0xEDB8_8320;

/// One step for each value of half a byte: small enough for any cache.
const TABLE: [u32; 16] = table();

const fn table() -> [u32; 16] {
    let mut table = [0; 16];
    let (mut at, mut first) = (0, 0_u32);
    while at < 16 {
        let mut value = first;
        let mut bit = 0;
        while bit < 4 {
            value = if value & 1 == 1 { (value >> 1) ^ POLYNOMIAL } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
        first += 1;
    }
    table
}

pub(super) fn of(bytes: &[u8]) -> u32 {
    let half = |sum: u32, value: u32| (sum >> 4) ^ TABLE[((sum ^ value) & 15) as usize];
    let byte = |sum, byte: &u8| half(half(sum, u32::from(*byte)), u32::from(*byte >> 4));
    !bytes.iter().fold(!0, byte)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_is_the_one_everybody_knows() {
        assert_eq!(super::of(b"123456789"), 0xCBF4_3926);
        assert_eq!(super::of(b""), 0);
    }
}
