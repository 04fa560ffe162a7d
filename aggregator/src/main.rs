//! `overtime`: which door to open. Everything behind it is in the library.

use std::process::ExitCode;

use clap::Parser;
use overtime::serve::{self, Serve};

/// Every Lambda timeout, counted once, with the reason why.
#[derive(Debug, Parser)]
#[command(name = "overtime", version, arg_required_else_help = true)]
enum Overtime {
    Serve(Serve),
}

fn main() -> ExitCode {
    match Overtime::parse() {
        Overtime::Serve(serve) => serve::main(&serve),
    }
}
