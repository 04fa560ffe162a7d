//! A journal of whoever wrote to `/tmp`: whatever its bytes are, what is read can be written again and says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use overtime_extension::journal::{decode, entry};

fuzz_target!(|bytes: &[u8]| {
    let Ok(contents) = decode(bytes) else { return };
    let mut again = Vec::new();
    contents.entries().iter().for_each(|it| entry::write(it, &mut again));
    if let Ok(read) = decode(&again) {
        assert_eq!(read, contents);
    }
});
