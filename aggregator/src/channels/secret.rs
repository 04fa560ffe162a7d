//! Secrets: where they lie is configuration, what they are is nobody's business.
//!
//! A reference is followed when something is sent, so that a secret can be changed without a restart. What comes from AWS is believed for
//! a minute, because each look costs a request; variables and files cost nothing.
//!
//! **Whose reference.** Whoever may configure a channel chooses where its secret is sent. So what a channel refers to on this machine is
//! limited to what was put there for channels: variables of one prefix, which the configuration sees to, and files in one directory,
//! which is seen to here, wherever links lead. What the settings refer to was written by whoever could read it anyway.
//!
//! **Invariant.** A secret is never displayed: `Debug` hides it, there is no `Display`, and no error repeats it.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use overtime_wire::EpochMillis;

use super::parameters::Parameters;
use crate::domain::configuration::SecretRef;

/// How long a secret from AWS is believed.
const BELIEVED_FOR: Duration = Duration::from_mins(1);
/// What is longer is no secret of a channel's.
const FILE_MAX: u64 = 64 * 1024;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("refers to variable {0}, which is not set")]
    Variable(String),
    #[error("refers to {0}, which cannot be read: {1}")]
    File(String, io::ErrorKind),
    #[error("refers to a file, and OVERTIME_SECRETS_DIR does not say where such files may lie")]
    NoDirectory,
    #[error("refers to a file that does not lie in OVERTIME_SECRETS_DIR")]
    Outside,
    #[error("refers to {0}, which nobody here can ask for: there are no AWS settings")]
    NoAws(String),
    /// AWS says no, or that there is no such thing.
    #[error("refers to {0}, which AWS refuses: {1}")]
    Refused(String, String),
    /// It may work in a moment.
    #[error("refers to {0}, and AWS does not answer: {1}")]
    Unavailable(String, String),
    #[error("refers to {0}, which has no text under that key")]
    Key(String),
    #[error("refers to something that is not whsec_ and base64 of 24 to 64 bytes")]
    Shape,
    #[error("refers to something that is not what this channel needs: {0}")]
    Unfit(&'static str),
}

impl SecretError {
    /// Whether it may be otherwise in a moment.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Unavailable(..))
    }
}

/// Who wrote a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The settings of this process.
    Settings,
    /// A channel.
    Channel,
}

/// How a variable of the environment is read.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Follows references. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    lookup: Lookup,
    parameters: Option<Parameters>,
    /// Where files lie that channels may refer to.
    files: Option<PathBuf>,
    held: Arc<Mutex<HashMap<String, (EpochMillis, Secret)>>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

impl Vault {
    /// `parameters` asks AWS, where there is one to ask.
    pub fn new(lookup: Lookup, parameters: Option<Parameters>) -> Self {
        Self { lookup, parameters, files: None, held: Arc::default() }
    }

    /// The same, and channels may refer to files in that directory.
    #[must_use]
    pub fn with_files_in(self, directory: Option<PathBuf>) -> Self {
        Self { files: directory, ..self }
    }

    /// The secret as it is now, or was a minute ago at most.
    pub async fn open(
        &self,
        (reference, origin): (&SecretRef, Origin),
        now: EpochMillis,
    ) -> Result<Secret, SecretError> {
        match reference {
            SecretRef::File(path) if origin == Origin::Channel => {
                let directory = self.files.as_deref().ok_or(SecretError::NoDirectory)?;
                read_within(directory, path)
            }
            SecretRef::Variable(_) | SecretRef::File(_) => here(reference, &*self.lookup),
            SecretRef::Parameter(_) | SecretRef::Managed { .. } => self.ask(reference, now).await,
        }
    }

    async fn ask(&self, reference: &SecretRef, now: EpochMillis) -> Result<Secret, SecretError> {
        let name = reference.to_string();
        let held = self.held.lock().ok().and_then(|it| it.get(&name).cloned());
        if let Some((since, secret)) = &held
            && now.since(*since) < BELIEVED_FOR
        {
            return Ok(secret.clone());
        }
        let parameters = self.parameters.as_ref().ok_or(SecretError::NoAws(name.clone()))?;
        let secret = Secret(parameters.fetch(reference).await?.trim().to_owned());
        if let Ok(mut held) = self.held.lock() {
            held.insert(name, (now, secret.clone()));
        }
        Ok(secret)
    }
}

/// A secret that lies on this machine.
pub fn here(
    reference: &SecretRef,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Secret, SecretError> {
    let text = match reference {
        SecretRef::Variable(name) => {
            lookup(name).ok_or_else(|| SecretError::Variable(name.clone()))?
        }
        SecretRef::File(path) => return read(path).map_err(|error| unreadable(path, &error)),
        SecretRef::Parameter(_) | SecretRef::Managed { .. } => {
            return Err(SecretError::NoAws(reference.to_string()));
        }
    };
    Ok(Secret(text.trim().to_owned()))
}

/// A file that lies in the directory, by its name and where links lead. By its name first, so that nobody learns what there is
/// elsewhere.
fn read_within(directory: &Path, path: &Path) -> Result<Secret, SecretError> {
    let climbs = path.components().any(|it| it == Component::ParentDir);
    if climbs || !path.starts_with(directory) {
        return Err(SecretError::Outside);
    }
    let real = |it: &Path| it.canonicalize().map_err(|error| unreadable(path, &error));
    let (directory, file) = (real(directory)?, real(path)?);
    if !file.starts_with(&directory) {
        return Err(SecretError::Outside);
    }
    read(&file).map_err(|error| unreadable(path, &error))
}

fn read(path: &Path) -> io::Result<Secret> {
    let mut text = String::new();
    File::open(path)?.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(Secret(text.trim().to_owned()))
}

fn unreadable(path: &Path, error: &io::Error) -> SecretError {
    SecretError::File(path.display().to_string(), error.kind())
}

/// Whether a secret is one that signs webhooks.
pub fn signs(secret: &Secret) -> Result<(), SecretError> {
    super::webhook::Keys::new(std::slice::from_ref(secret)).map(drop)
}

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: EpochMillis = EpochMillis(1_793_491_200_000);

    fn vault() -> Vault {
        let lookup = |name: &str| (name == "HOOK").then(|| " whsec_abc \n".to_owned());
        Vault::new(Arc::new(lookup), None)
    }

    async fn open(vault: &Vault, reference: &str, origin: Origin) -> Result<Secret, SecretError> {
        vault.open((&reference.parse().unwrap(), origin), NOW).await
    }

    #[tokio::test]
    async fn a_reference_leads_to_the_secret_and_nothing_shows_it() {
        let secret = open(&vault(), "env:HOOK", Origin::Channel).await.unwrap();
        assert_eq!(secret.expose(), "whsec_abc");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[tokio::test]
    async fn a_secret_is_changed_without_a_restart() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let reference = format!("file:{}", file.path().display());
        let vault = vault().with_files_in(file.path().parent().map(Path::to_owned));
        for text in ["whsec_def", "whsec_ghi"] {
            std::fs::write(file.path(), format!("{text}\n")).unwrap();
            for origin in [Origin::Settings, Origin::Channel] {
                assert_eq!(open(&vault, &reference, origin).await.unwrap().expose(), text);
            }
        }
    }

    #[tokio::test]
    async fn a_channel_refers_to_files_of_one_directory_however_it_puts_it() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().canonicalize().unwrap();
        let (inside, outside) = (root.join("secrets"), root.join("credentials"));
        std::fs::create_dir_all(inside.join("..data")).unwrap();
        std::fs::create_dir_all(root.join("secrets-of-others")).unwrap();
        std::fs::write(&outside, "not yours").unwrap();
        std::fs::write(root.join("secrets-of-others/hook"), "not yours").unwrap();
        std::fs::write(inside.join("..data/hook"), "yours").unwrap();
        // As Kubernetes mounts secrets, and as somebody might try.
        std::os::unix::fs::symlink("..data/hook", inside.join("hook")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("escape")).unwrap();
        std::os::unix::fs::symlink(&root, inside.join("up")).unwrap();
        let told = async |vault: &Vault, path: &str| {
            let reference = format!("file:{}/{path}", root.display());
            let opened = open(vault, &reference, Origin::Channel).await;
            opened.map_or_else(|why| why.to_string(), |it| it.expose().to_owned())
        };
        let limited = vault().with_files_in(Some(inside));
        let refused = SecretError::Outside.to_string();
        assert_eq!(told(&limited, "secrets/hook").await, "yours");
        for path in [
            "credentials",
            "secrets/escape",
            "secrets/up/credentials",
            "secrets/../credentials",
            "secrets/nowhere/../../credentials",
            "secrets-of-others/hook",
            "nowhere",
        ] {
            assert_eq!(told(&limited, path).await, refused, "{path}");
        }
        let missing = told(&limited, "secrets/missing").await;
        assert!(missing.ends_with("secrets/missing, which cannot be read: entity not found"));
        assert_eq!(told(&vault(), "secrets/hook").await, SecretError::NoDirectory.to_string());
    }

    #[tokio::test]
    async fn what_is_not_there_is_named() {
        let missing = open(&vault(), "env:MISSING", Origin::Channel).await.unwrap_err();
        assert_eq!(missing.to_string(), "refers to variable MISSING, which is not set");
        let far = open(&vault(), "ssm:/overtime/hook", Origin::Channel).await.unwrap_err();
        assert!(far.to_string().starts_with("refers to ssm:/overtime/hook, which nobody"), "{far}");
    }
}
