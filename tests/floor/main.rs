//! The floor: an extension that does nothing but register and poll.
//!
//! It is what having an extension costs at least, and so the measure of every target in the
//! README. Standard library only, blocking, one thread, one connection; a plain `rustc`
//! compiles it. It must stay as small as this.

mod api;

fn main() -> std::io::Result<()> {
    api::register()?.poll()
}
