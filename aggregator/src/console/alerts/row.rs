//! An alert, an episode or a timeout as a line of a page: what it is about, who was told, and where one can go from there.

use overtime_wire::EpochMillis;

use crate::{
    api::{
        alerts::{
            episode, item,
            member::{self, Member},
        },
        timeouts,
        words::{AccountText, AlertState, NameText, RegionText},
    },
    domain::{alert::group::part::Labels, words},
};

/// What an alert is about.
#[derive(Debug)]
pub(in crate::console) struct About {
    pub(in crate::console) name: String,
    pub(in crate::console) place: String,
    /// The function's page, where it is about one.
    pub(in crate::console) function: Option<String>,
}

/// Whether somebody was told, and why not.
#[derive(Debug)]
pub(in crate::console) enum Told {
    Yes,
    Silenced(String),
    Inhibited(String),
    /// It is only suspected.
    Unsure,
    /// For others of its group.
    Waiting,
}

/// An alert that is not at rest.
#[derive(Debug)]
pub(in crate::console) struct Row {
    pub(in crate::console) item: item::Item,
    pub(in crate::console) about: About,
    pub(in crate::console) told: Told,
    /// A form for a silence that is about this.
    pub(in crate::console) silence: String,
    pub(in crate::console) href: String,
    /// The page of its episode, where it has one.
    pub(in crate::console) episode: Option<String>,
}

/// An episode.
#[derive(Debug)]
pub(in crate::console) struct Past {
    pub(in crate::console) item: episode::Item,
    pub(in crate::console) about: About,
    pub(in crate::console) href: String,
    /// For how long it went on.
    pub(in crate::console) lasted: Option<String>,
    pub(in crate::console) because: Option<&'static str>,
}

/// A timeout that an alert is about.
#[derive(Debug)]
pub(in crate::console) struct Sample {
    pub(in crate::console) item: timeouts::item::Item,
    pub(in crate::console) about: About,
    pub(in crate::console) href: String,
    pub(in crate::console) cause: &'static str,
    pub(in crate::console) evidence: &'static str,
    pub(in crate::console) ran_for: Option<String>,
    pub(in crate::console) timeout: Option<String>,
}

/// A function in the alert of a group.
#[derive(Debug)]
pub(in crate::console) struct Function {
    pub(in crate::console) member: Member,
    pub(in crate::console) about: About,
    pub(in crate::console) because: Option<&'static str>,
}

impl About {
    pub(in crate::console) fn of(
        (account, region): (Option<&AccountText>, Option<&RegionText>),
        function: Option<&NameText>,
        group: &Labels,
    ) -> Self {
        if let (Some(account), Some(region), Some(function)) = (account, region, function) {
            return Self {
                name: function.to_string(),
                place: format!("{account} · {region}"),
                function: Some(format!("/functions/{account}/{region}/{function}")),
            };
        }
        let labels: Vec<_> =
            group.iter().map(|(label, value)| label_in_words(label, value)).collect();
        let name =
            if labels.is_empty() { "The whole fleet".to_owned() } else { labels.join(" · ") };
        Self { name, place: String::new(), function: None }
    }
}

fn label_in_words(label: &str, value: &str) -> String {
    let shown = if value.is_empty() { "none" } else { value };
    match label.strip_prefix("tag:") {
        Some(tag) => format!("{tag} {shown}"),
        None => format!("{label} {shown}"),
    }
}

impl Row {
    pub(in crate::console) fn of(item: item::Item) -> Self {
        let place = (item.account.as_ref(), item.region.as_ref());
        Self {
            about: About::of(place, item.function.as_ref(), &item.group),
            told: Told::of(&item),
            silence: silence(&item.subscription, &item.group),
            href: page(&item.url),
            episode: item.episode_url.as_deref().map(page),
            item,
        }
    }

    pub(in crate::console) fn all(items: Vec<item::Item>) -> Vec<Self> {
        items.into_iter().map(Self::of).collect()
    }

    /// Since when it has been open.
    pub(in crate::console) fn opened(&self) -> Option<EpochMillis> {
        self.item.opened_at.map(|it| it.0)
    }

    pub(in crate::console) fn last(&self) -> Option<EpochMillis> {
        self.item.last_timeout_at.map(|it| it.0)
    }

    pub(in crate::console) fn subscription(&self) -> &str {
        self.item.subscription_name.as_deref().unwrap_or(&self.item.subscription)
    }
}

impl Told {
    fn of(item: &item::Item) -> Self {
        if let Some(silence) = &item.silenced_by {
            return Self::Silenced(silence.clone());
        }
        if item.told {
            return Self::Yes;
        }
        match &item.inhibited_by {
            Some(incident) => Self::Inhibited(incident.clone()),
            None if item.state.0 == AlertState::Pending && item.opened_at.is_none() => Self::Unsure,
            None => Self::Waiting,
        }
    }
}

impl Past {
    pub(in crate::console) fn of(item: episode::Item) -> Self {
        let place = (item.account.as_ref(), item.region.as_ref());
        let lasted = item.ended_at.map(|it| rough(it.0.since(item.opened_at.0)));
        Self {
            about: About::of(place, item.function.as_ref(), &item.group),
            href: page(&item.url),
            because: item.ended_because.as_deref().map(ending),
            lasted,
            item,
        }
    }

    pub(in crate::console) fn all(items: Vec<episode::Item>) -> Vec<Self> {
        items.into_iter().map(Self::of).collect()
    }

    pub(in crate::console) fn opened(&self) -> EpochMillis {
        self.item.opened_at.0
    }

    pub(in crate::console) fn ended(&self) -> Option<EpochMillis> {
        self.item.ended_at.map(|it| it.0)
    }
}

impl Sample {
    pub(in crate::console) fn of(item: timeouts::item::Item) -> Self {
        let place = (Some(&item.account), Some(&item.region));
        let millis = |it: u64| words::duration(std::time::Duration::from_millis(it));
        Self {
            about: About::of(place, Some(&item.function), &Labels::new()),
            href: invocation(&item.url),
            cause: words::cause(item.cause.0),
            evidence: words::evidence(item.evidence.0),
            ran_for: item.duration_ms.map(millis),
            timeout: item.timeout_ms.map(millis),
            item,
        }
    }

    pub(in crate::console) fn all(items: Vec<timeouts::item::Item>) -> Vec<Self> {
        items.into_iter().map(Self::of).collect()
    }

    pub(in crate::console) fn deadline(&self) -> EpochMillis {
        self.item.deadline.0
    }
}

impl Function {
    pub(in crate::console) fn of(member: Member) -> Self {
        let place = (Some(&member.account), Some(&member.region));
        Self {
            about: About::of(place, Some(&member.function), &Labels::new()),
            because: member.ended_because.as_deref().map(ending),
            member,
        }
    }

    pub(in crate::console) fn all(members: Vec<Member>) -> Vec<Self> {
        members.into_iter().map(Self::of).collect()
    }

    pub(in crate::console) fn opened(&self) -> Option<EpochMillis> {
        self.member.opened_at.map(|it| it.0)
    }

    pub(in crate::console) fn last(&self) -> Option<EpochMillis> {
        self.member.last_timeout_at.map(|it| it.0)
    }

    pub(in crate::console) fn told(&self) -> &[member::Told] {
        &self.member.told
    }
}

/// Why an episode is over, in words.
pub(in crate::console) fn ending(word: &str) -> &'static str {
    match word {
        "recovered" => "recovered: it has been quiet, and an invocation succeeded",
        "retracted" => "taken back: what was suspected did not time out",
        "expired" => "expired: quiet for long, and whether it recovered is not known",
        "unsubscribed" => "not watched any more",
        _ => "ended",
    }
}

/// The page of what the API has under a path.
pub(in crate::console) fn page(api: &str) -> String {
    let path = api.strip_prefix("/api/v1").unwrap_or(api);
    path.replacen("/episodes/", "/", 1)
}

/// The page of a timeout.
fn invocation(api: &str) -> String {
    let path = api.strip_prefix("/api/v1/functions").unwrap_or(api);
    let (function, id) = path.rsplit_once("/timeouts/").unwrap_or((path, ""));
    format!("/invocations{function}/{id}")
}

/// How long, to the minute where it is minutes.
pub(in crate::console) fn rough(length: std::time::Duration) -> String {
    let seconds = length.as_secs();
    let rounded = if seconds < 120 { seconds } else { seconds / 60 * 60 };
    if rounded >= 2 * 86_400 {
        return format!("{} days", rounded / 86_400);
    }
    words::duration(std::time::Duration::from_secs(rounded))
}

/// A form for a silence about the functions that an alert of this subscription and group is about.
fn silence(subscription: &str, group: &Labels) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (label, value) in group {
        match label.as_str() {
            "account" => query.append_pair("accounts", value),
            "region" => query.append_pair("regions", value),
            "function" => query.append_pair("functions", value),
            other => match other.strip_prefix("tag:").filter(|_| !value.is_empty()) {
                Some(tag) => query.append_pair("tag", &format!("{tag}={value}")),
                None => &mut query,
            },
        };
    }
    query.append_pair("subscriptions", subscription);
    format!("/silences/new?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_lie_beside_what_the_api_has() {
        assert_eq!(page("/api/v1/alerts/0a"), "/alerts/0a");
        assert_eq!(page("/api/v1/alerts/0a/episodes/1-0b"), "/alerts/0a/1-0b");
        let timeout = "/api/v1/functions/1/eu/episodes/timeouts/7/0c-1";
        assert_eq!(invocation(timeout), "/invocations/1/eu/episodes/7/0c-1");
    }

    #[test]
    fn a_silence_is_about_what_the_alert_is_about() {
        let labels = |of: &[(&str, &str)]| -> Labels {
            of.iter().map(|(label, value)| ((*label).to_owned(), (*value).to_owned())).collect()
        };
        let own = labels(&[("account", "1"), ("function", "pay-in"), ("region", "eu")]);
        assert_eq!(
            silence("any", &own),
            "/silences/new?accounts=1&functions=pay-in&regions=eu&subscriptions=any"
        );
        let tagged = labels(&[("tag:team", "a&b"), ("tag:none", "")]);
        assert_eq!(silence("s", &tagged), "/silences/new?tag=team%3Da%26b&subscriptions=s");
    }

    #[test]
    fn what_is_long_is_told_roughly() {
        let told: Vec<_> = [7, 119, 125, 4_000, 90_000, 200_000]
            .map(|it| rough(std::time::Duration::from_secs(it)))
            .into();
        assert_eq!(told, ["7 s", "1 min 59 s", "2 min", "1 h 6 min", "25 h", "2 days"]);
    }
}
