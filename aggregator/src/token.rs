//! `overtime token`: a new token for a person or a machine, shown once, and the hash by which it is known.

use std::{io::Write as _, process::ExitCode};

use crate::domain::token::{self, Token};

/// Makes a token that somebody can sign in with, or a machine can send as `authorization: Bearer …`.
///
/// The first line is the token: whoever it is for keeps it. The second is its hash, which goes into the secret that
/// `OVERTIME_TOKENS` refers to (`admin=ssm:/overtime/admins`); nobody can make the token of it. A secret may have several
/// hashes, on lines of their own, and one is taken away by deleting its line.
#[derive(Debug, clap::Args)]
pub struct New {
    /// Who it is for: what they do is written down under this name. Without it, under the beginning of the hash.
    #[arg(long, value_parser = name)]
    name: Option<String>,
}

fn name(text: &str) -> Result<String, &'static str> {
    let fits = token::is_name(text);
    fits.then(|| text.to_owned()).ok_or("up to 64 letters, digits, and any of . _ - @ +")
}

#[expect(clippy::print_stderr, reason = "where people look")]
pub fn main(new: &New) -> ExitCode {
    let mut bytes = [0; token::LENGTH];
    if let Err(error) = getrandom::fill(&mut bytes) {
        eprintln!("overtime: there is no randomness to be had: {error}");
        return ExitCode::FAILURE;
    }
    let token = Token::of(bytes);
    let name = new.name.as_ref().map(|it| format!("{it}=")).unwrap_or_default();
    let said = writeln!(std::io::stdout(), "{}\n{name}{}", token.expose(), token.hash());
    // Nobody is there to read it, so nobody has it.
    if said.is_err() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
