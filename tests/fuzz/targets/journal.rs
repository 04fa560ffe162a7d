//! A journal of whoever wrote to `/tmp`: whatever its bytes are, what is read can be written again and says the same.
//!
//! The bytes are read as they come, and once more as the bodies of entries with the sums that belong to them, which would
//! otherwise keep everything out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use overtime_extension::journal::{
    decode,
    entry::{self, Begun, Entry},
};
use overtime_wire::IncarnationId;

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    let mut sound = Vec::new();
    let begun = Begun { incarnation: IncarnationId([7; 16]), function: "orders".to_owned() };
    entry::write(&Entry::Begun(begun), &mut sound);
    let mut rest = bytes;
    while let Some(([kind, length], behind)) = rest.split_first_chunk() {
        let (body, behind) = behind.split_at(behind.len().min((*length).into()));
        entry::frame(*kind, &mut sound, |sound| sound.extend_from_slice(body));
        rest = behind;
    }
    check(&sound);
});

fn check(bytes: &[u8]) {
    let Ok(contents) = decode(bytes) else { return };
    let mut again = Vec::new();
    contents.entries().iter().for_each(|it| entry::write(it, &mut again));
    if let Ok(read) = decode(&again) {
        assert_eq!(read, contents);
    }
}
