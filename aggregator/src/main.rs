//! `overtime`: which door to open. Everything behind it is in the library.

use std::process::ExitCode;

use clap::Parser;
#[cfg(feature = "lambda")]
use overtime::lambda;
use overtime::token;
#[cfg(feature = "embedded")]
use overtime::{
    client,
    serve::{self, Serve},
};

/// Every Lambda timeout, counted once, with the reason why.
#[derive(Debug, Parser)]
#[command(name = "overtime", version, arg_required_else_help = true)]
enum Overtime {
    #[cfg(feature = "embedded")]
    Serve(Serve),
    #[cfg(feature = "embedded")]
    Config(client::Config),
    #[cfg(feature = "embedded")]
    Inventory(client::inventory::Inventory),
    Token(token::New),
    #[cfg(feature = "lambda")]
    Door(lambda::Door),
}

fn main() -> ExitCode {
    #[cfg(feature = "lambda")]
    if lambda::is_here() && std::env::args_os().len() < 2 {
        return lambda::main();
    }
    match Overtime::parse() {
        #[cfg(feature = "embedded")]
        Overtime::Serve(serve) => serve::main(&serve),
        #[cfg(feature = "embedded")]
        Overtime::Config(config) => client::main(&config),
        #[cfg(feature = "embedded")]
        Overtime::Inventory(inventory) => client::inventory::main(&inventory),
        Overtime::Token(new) => token::main(&new),
        #[cfg(feature = "lambda")]
        Overtime::Door(_) => lambda::main(),
    }
}
