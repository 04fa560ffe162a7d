//! Takes obvious secrets out of a line of log before it leaves the environment.
//!
//! Obvious are: what is called a password, secret, token or key in `name=value`, `name: value` or JSON, also JSON within
//! JSON; what follows `Bearer`; AWS access key ids and what looks like the secret that goes with one; JSON Web Tokens; tokens
//! with a well-known prefix; credentials in a URL; e-mail addresses. Stars stand in their place, three at most, so that not even a length is told.
//!
//! **Invariant.** Never longer than the line, in time linear in it: nothing looks back or ahead further than a constant, but
//! over what it then replaces. What is redacted stays as it is when it is redacted again.

const STARS: &[u8] = b"***";
/// Replacing one secret can leave another to stand alone; a third pass has never found one.
const PASSES: usize = 3;
/// What the name of a secret ends with, without case, hyphens and underscores.
const NAMES: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "secretkey",
    "privatekey",
    "authorization",
    "credentials",
    "cookie",
];
const NAME_MAX: usize = 64;
/// What a value may be called without being a secret.
const PLAIN: [&str; 7] = ["null", "none", "nil", "undefined", "true", "false", ""];
const SCHEMES: [&str; 4] = ["bearer", "basic", "digest", "token"];
const BEARER_MIN: usize = 12;
/// What AWS's ids of keys begin with, and how long they are.
const KEY_IDS: [&[u8]; 4] = [b"AKIA", b"ASIA", b"ABIA", b"ACCA"];
const KEY_ID: usize = 20;
const SECRET_KEY: usize = 40;
/// Tokens that say what they are: of code forges, chats, payment and model providers.
const PREFIXES: [&[u8]; 12] = [
    b"ghp_",
    b"gho_",
    b"ghs_",
    b"github_pat_",
    b"glpat-",
    b"xoxb-",
    b"xoxp-",
    b"sk_live_",
    b"rk_live_",
    b"whsec_",
    b"sk-",
    b"npm_",
];
const TOKEN_MIN: usize = 16;
const DOMAIN_MAX: usize = 253;

/// `line` without its obvious secrets.
pub fn redact(line: &str) -> String {
    let mut line = line.to_owned();
    for _ in 0..PASSES {
        let redacted = Pass::over(&line);
        if redacted == line {
            break;
        }
        line = redacted;
    }
    line
}

/// One pass: what lies behind is in `done`, as the next pass would see it.
struct Pass<'a> {
    rest: &'a [u8],
    done: Vec<u8>,
    /// Where in `done` the user and password of a URL may have begun.
    url: Option<usize>,
    /// Where in `done` an address may have begun.
    local: usize,
}

impl<'a> Pass<'a> {
    fn over(line: &'a str) -> String {
        let done = Vec::with_capacity(line.len());
        let mut pass = Self { rest: line.as_bytes(), done, url: None, local: 0 };
        while let Some(byte) = pass.rest.first() {
            pass.step(*byte);
        }
        // Whatever is replaced begins and ends beside an ASCII byte.
        String::from_utf8_lossy(&pass.done).into_owned()
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'=' | b':' => {
                let named = self.is_after_name();
                self.keep(1);
                if named {
                    self.value();
                } else if byte == b':' && self.rest.starts_with(b"//") {
                    self.keep(2);
                    self.url = Some(self.done.len());
                }
            }
            b'@' => self.at_sign(),
            _ if self.is_at_word() => self.word(),
            _ => self.keep(1),
        }
    }

    /// Whether a word begins here.
    fn is_at_word(&self) -> bool {
        let is_inside = self.done.last().is_some_and(u8::is_ascii_alphanumeric);
        !is_inside && self.rest.first().is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'/')
    }

    fn word(&mut self) {
        if let Some(length) = secret(self.rest, self.done.last().copied()) {
            return self.mask(length);
        }
        let word = run(self.rest, |it| it.is_ascii_alphanumeric());
        let is_bearer = self.rest[..word].eq_ignore_ascii_case(b"bearer");
        self.keep(word.max(1));
        let gap = run(self.rest, |it| it == b' ');
        if is_bearer && gap > 0 && run(&self.rest[gap..], |it| !ends_value(it)) >= BEARER_MIN {
            self.keep(gap);
            self.bare();
        }
    }

    /// Takes over bytes as they are.
    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length.min(self.rest.len()));
        for byte in kept {
            self.done.push(*byte);
            if !is_local(*byte) {
                self.local = self.done.len();
            }
            if byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'') {
                self.url = None;
            }
        }
        self.rest = rest;
    }

    /// Puts stars in the place of bytes.
    fn mask(&mut self, length: usize) {
        let length = length.min(self.rest.len());
        self.rest = &self.rest[length..];
        self.done.extend_from_slice(&STARS[..length.min(STARS.len())]);
        self.local = self.done.len();
    }

    /// Puts stars in the place of what was taken over since `from`, and of so many bytes more.
    fn mask_since(&mut self, from: usize, more: usize) {
        let length = self.done.len() - from + more;
        self.done.truncate(from);
        self.rest = &self.rest[more..];
        self.done.extend_from_slice(&STARS[..length.min(STARS.len())]);
        self.local = self.done.len();
    }

    fn at_sign(&mut self) {
        if let Some(begun) = self.url.take().filter(|it| *it < self.done.len()) {
            self.mask_since(begun, 0);
            return self.keep(1);
        }
        let domain = &self.rest[1..];
        let length = run(&domain[..domain.len().min(DOMAIN_MAX)], |it| {
            it.is_ascii_alphanumeric() || matches!(it, b'.' | b'-')
        });
        let domain = &domain[..length];
        let dots = domain.iter().rev().take_while(|it| matches!(it, b'.' | b'-')).count();
        let domain = &domain[..length - dots];
        let last = domain.rsplit(|it| *it == b'.').next().unwrap_or_default();
        let is_domain = last.len() < domain.len()
            && last.len() >= 2
            && last.iter().all(u8::is_ascii_alphabetic);
        if is_domain && self.local < self.done.len() {
            self.mask_since(self.local, 1 + domain.len());
        } else {
            self.keep(1);
        }
    }

    /// Whether what was taken over ends with the name of a secret, perhaps in quotes.
    fn is_after_name(&self) -> bool {
        let near = &self.done[self.done.len().saturating_sub(2 * NAME_MAX)..];
        let name = near.trim_ascii_end();
        let name = name.strip_suffix(b"\"").or(name.strip_suffix(b"'")).unwrap_or(name);
        let name = &name[..name.len() - run_back(name, |it| it == b'\\')];
        let name = &name[name.len()
            - run_back(name, |it| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-'))..];
        let letters = name.iter().filter(|it| it.is_ascii_alphanumeric());
        let plain: String = letters.map(|it| char::from(it.to_ascii_lowercase())).collect();
        NAMES.iter().any(|it| plain.ends_with(it))
    }

    /// The value of a secret, in quotes of its own, in quotes that are escaped, or bare.
    fn value(&mut self) {
        self.keep(run(self.rest, |it| matches!(it, b' ' | b'\t' | b'=' | b'>')));
        let escape = run(self.rest, |it| it == b'\\');
        match self.rest.get(escape) {
            Some(quote @ (b'"' | b'\'')) => {
                self.keep(escape + 1);
                let inside = quoted(self.rest, *quote, escape);
                self.mask_unless_plain(inside);
            }
            _ => self.bare(),
        }
    }

    fn bare(&mut self) {
        loop {
            let length = run(self.rest, |it| !ends_value(it));
            let word = &self.rest[..length];
            let gap = run(&self.rest[length..], |it| it == b' ');
            if gap == 0 || !SCHEMES.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes())) {
                return self.mask_unless_plain(length);
            }
            self.keep(length + gap);
        }
    }

    fn mask_unless_plain(&mut self, length: usize) {
        let value = self.rest[..length].trim_ascii();
        if PLAIN.iter().any(|it| value.eq_ignore_ascii_case(it.as_bytes())) {
            self.keep(length);
        } else {
            self.mask(length);
        }
    }
}

/// How long a secret is that shows by itself and begins here, if one does.
fn secret(rest: &[u8], before: Option<u8>) -> Option<usize> {
    let is_key_id = KEY_IDS.iter().any(|it| rest.starts_with(it))
        && run(&rest[..rest.len().min(KEY_ID + 1)], |it| it.is_ascii_alphanumeric()) == KEY_ID
        && rest[..KEY_ID].iter().all(|it| it.is_ascii_uppercase() || it.is_ascii_digit());
    if is_key_id {
        return Some(KEY_ID);
    }
    if rest.starts_with(b"eyJ") {
        let length = run(rest, |it| is_token(it) || it == b'.');
        return (length >= TOKEN_MIN).then_some(length);
    }
    if let Some(prefix) = PREFIXES.iter().find(|it| rest.starts_with(it)) {
        let length = run(rest, is_token);
        return (length >= prefix.len() + TOKEN_MIN).then_some(length);
    }
    let is_base64 = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'/' | b'+');
    if before.is_some_and(is_base64) {
        return None;
    }
    let length = run(&rest[..rest.len().min(SECRET_KEY + 1)], is_base64);
    (length == SECRET_KEY && is_random(&rest[..SECRET_KEY])).then_some(SECRET_KEY)
}

/// Capitals, small letters and digits, and not a path.
fn is_random(key: &[u8]) -> bool {
    key.iter().any(u8::is_ascii_uppercase)
        && key.iter().any(u8::is_ascii_lowercase)
        && key.iter().any(u8::is_ascii_digit)
        && key.split(|it| *it == b'/').count() <= 5
}

/// How long a value in quotes is; one in escaped quotes ends at the next that is escaped no more than its beginning.
fn quoted(text: &[u8], quote: u8, escape: usize) -> usize {
    let mut slashes = 0;
    for (at, byte) in text.iter().enumerate() {
        if *byte == quote && slashes <= escape {
            return at - slashes;
        }
        slashes = if *byte == b'\\' { slashes + 1 } else { 0 };
        if escape == 0 && slashes == 2 {
            slashes = 0;
        }
    }
    text.len()
}

fn ends_value(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || matches!(
            byte,
            b',' | b';' | b'&' | b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>'
        )
        || matches!(byte, b'"' | b'\'' | b'\\' | b'`' | b'|')
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'%' | b'+' | b'-')
}

fn run(bytes: &[u8], is_in: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|it| is_in(**it)).count()
}

fn run_back(bytes: &[u8], is_in: impl Fn(u8) -> bool) -> usize {
    bytes.iter().rev().take_while(|it| is_in(**it)).count()
}

#[cfg(test)]
mod tests;
