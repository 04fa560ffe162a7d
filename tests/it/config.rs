//! `overtime config` as somebody's pipeline meets it: the real command against a real aggregator.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use sandbox::{
    Spec,
    aggregator::Aggregator,
    binaries,
    front::{Caller, Front, Plan, Upstream},
    spec::{Credentials, Function, Launch},
};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Desk {
    aggregator: Aggregator,
    files: TempDir,
}

/// What a command did.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    said: String,
    complained: String,
}

impl Done {
    #[track_caller]
    fn with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (said, complained) = (text(output.stdout), text(output.stderr));
        Self { code: output.status.code(), said, complained }
    }
}

impl Desk {
    async fn open() -> Self {
        let any = ([127, 0, 0, 1], 0).into();
        let aggregator = Aggregator::start(binaries::overtime().unwrap(), any).await.unwrap();
        Self { aggregator, files: tempfile::tempdir().unwrap() }
    }

    /// `overtime config …`, with nobody at the keyboard.
    async fn config(&self, arguments: &[&str]) -> Done {
        run(&[arguments, &["--url", &self.aggregator.url()]].concat(), &[]).await
    }

    fn file(&self, content: &Value) -> String {
        let path: PathBuf = self.files.path().join("overtime.json");
        fs::write(&path, content.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    async fn export(&self) -> Value {
        serde_json::from_str(&self.config(&["export"]).await.with(0).said).unwrap()
    }
}

async fn run(arguments: &[&str], settings: &[(&str, &str)]) -> Done {
    let mut command = Command::new(binaries::overtime().unwrap());
    command.arg("config").args(arguments).env_clear().stdin(Stdio::null());
    command.envs(settings.iter().copied());
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap().into()
}

fn channel(name: &str) -> Value {
    json!({"id": "ops", "name": name, "kind": {"slack": {"url": "env:OVERTIME_SECRET_SLACK"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_planned_applied_and_then_changes_nothing() {
    let desk = Desk::open().await;
    let exported = desk.export().await;
    assert!(exported.get("revision").is_none(), "{exported:#}");
    let same = desk.file(&exported);
    let plan = desk.config(&["plan", &same, "--prune"]).await.with(0);
    assert!(plan.said.starts_with("Nothing to change"), "{}", plan.said);

    let mut wanted = exported.clone();
    wanted["channels"] = json!([channel("Ops")]);
    let file = desk.file(&wanted);
    let plan = desk.config(&["plan", &file]).await.with(2);
    assert!(plan.said.contains("+ channel ops") && plan.said.contains("1 to create"), "{plan:#?}");
    assert_eq!(desk.export().await, exported, "a plan changes nothing");

    let unasked = desk.config(&["apply", &file]).await.with(1);
    assert!(unasked.complained.contains("--yes"), "{unasked:#?}");
    assert_eq!(desk.export().await, exported, "nobody said yes");
    let applied = desk.config(&["apply", &file, "--yes"]).await.with(0);
    assert!(applied.said.contains("Applied: 1 created"), "{applied:#?}");
    let again = desk.config(&["apply", &file, "--yes"]).await.with(0);
    assert!(again.said.starts_with("Nothing to change"), "{again:#?}");

    wanted["channels"] = json!([channel("Operations")]);
    let renamed = desk.config(&["apply", &desk.file(&wanted), "--yes"]).await.with(0);
    assert!(renamed.said.contains(r#"/name: "Ops" → "Operations""#), "{renamed:#?}");
    let after = desk.export().await;
    assert_eq!(after["channels"][0]["name"], "Operations");
    assert_eq!(after["subscriptions"], exported["subscriptions"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_prunes_deletes_and_lists_that_are_not_there_are_left_alone() {
    let desk = Desk::open().await;
    let subscriptions = desk.export().await["subscriptions"].as_array().unwrap().len();
    assert!(subscriptions > 0);
    desk.config(&["apply", &desk.file(&json!({"channels": [channel("Ops")]})), "--yes"])
        .await
        .with(0);
    let none = desk.file(&json!({"channels": []}));
    desk.config(&["plan", &none]).await.with(0);
    let pruned = desk.config(&["plan", &none, "--prune"]).await.with(2);
    assert!(pruned.said.contains("- channel ops") && pruned.said.contains("1 to delete"));
    desk.config(&["apply", &none, "--prune", "--yes"]).await.with(0);
    let after = desk.export().await;
    assert_eq!(after["channels"], json!([]));
    assert_eq!(after["subscriptions"].as_array().unwrap().len(), subscriptions);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named_and_nothing_is_done() {
    let desk = Desk::open().await;
    let faulty = json!({"channels": [{"id": "ops", "name": "Ops", "kind": {"slack": {}}}], "colour": 1,
        "subscriptions": [{"id": "a"}]});
    let refused = desk.config(&["apply", &desk.file(&faulty), "--yes"]).await.with(1);
    for field in ["/colour ", "/channels/0/kind/slack/url ", "/subscriptions/0/name "] {
        assert!(refused.complained.contains(field), "{field}: {}", refused.complained);
    }
    assert!(refused.complained.contains("overtime.json"), "{}", refused.complained);
    let broken = desk.files.path().join("broken.json");
    fs::write(&broken, "{\n  \"channels\": [,]\n}").unwrap();
    let broken = desk.config(&["plan", broken.to_str().unwrap()]).await.with(1);
    assert!(broken.complained.contains("line 2, column"), "{}", broken.complained);
    let missing = desk.config(&["plan", "no-such-file.json"]).await.with(1);
    assert!(missing.complained.contains("no-such-file.json cannot be read"), "{missing:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_url_takes_what_credentials_sign_and_nothing_else() {
    let desk = Desk::open().await;
    let caller = Caller::of(&Spec::new(Function::named("pipeline"), Launch::program("/bin/true")));
    let upstream = Upstream::Requests(desk.aggregator.url());
    let front = Front::start(Plan::to(upstream).caller(caller)).await.unwrap();
    let Credentials { access_key, secret, session_token } = Credentials::default();
    let settings = |secret: &str| {
        [
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", secret.to_owned()),
            ("AWS_SESSION_TOKEN", session_token.clone()),
        ]
    };
    let url = front.url();
    let signed = async |arguments: &[&str], secret: &str| {
        let settings = settings(secret);
        let settings = settings.iter().map(|(name, it)| (*name, it.as_str())).collect::<Vec<_>>();
        run(&[arguments, &["--url", &url, "--auth", "iam"]].concat(), &settings).await
    };
    let file = desk.file(&json!({ "channels": [channel("Ops")] }));
    signed(&["plan", &file, "--prune"], &secret).await.with(2);
    signed(&["apply", &file, "--prune", "--yes"], &secret).await.with(0);
    let exported: Value =
        serde_json::from_str(&signed(&["export"], &secret).await.with(0).said).unwrap();
    assert_eq!(exported, desk.export().await);
    assert_eq!(exported["channels"][0]["name"], "Ops");

    let forged = signed(&["export"], "another").await.with(1);
    assert!(forged.complained.contains("403"), "{forged:#?}");
    let unsigned = run(&["export", "--url", &url], &[]).await.with(1);
    assert!(unsigned.complained.contains("--auth iam"), "{unsigned:#?}");
    let nobody = [("AWS_REGION", "eu-west-1"), ("AWS_EC2_METADATA_DISABLED", "true")];
    let nobody = run(&["export", "--url", &url, "--auth", "iam"], &nobody).await.with(1);
    assert!(nobody.complained.contains("finds no AWS credentials"), "{nobody:#?}");
}

#[tokio::test]
async fn an_aggregator_that_is_not_there_is_said_to_be_away_and_a_token_is_kept() {
    let away = run(&["export", "--url", "http://127.0.0.1:9"], &[]).await.with(1);
    assert!(away.complained.contains("does not answer"), "{away:#?}");
    let token = [("OVERTIME_TOKEN", "very-secret")];
    let plain = run(&["export", "--url", "http://overtime.example"], &token).await.with(1);
    assert!(plain.complained.contains("OVERTIME_TOKEN") && !plain.complained.contains("very-"));
    let help = run(&["plan", "--help"], &[]).await.with(0);
    assert!(help.said.contains("-detailed-exitcode") && help.said.contains("--prune"), "{help:#?}");
}
