//! Links into the AWS console: to a function, a version of it, its log around an invocation, a trace.
//!
//! The console writes what a page is about after `#`, in a notation of its own. Of a query of Logs Insights, that is a value in the
//! notation of JSURL — `~(key~'text~other~(~'one))` — with every character of a text but the plainest as `*` and two hexadecimal
//! digits, after a question mark and an equals sign that are written `$3F` and `$3D`.
//!
//! **Invariant.** A link leads into the world that the region is in, and where that world's console is not known there is none.

use std::{fmt::Write as _, time::Duration};

use overtime_wire::{EpochMillis, FunctionKey};

use crate::domain::{instant::rfc3339, portal::Portal, region};

/// How far before it began and after its time was up the log of an invocation is looked at.
const AROUND: Duration = Duration::from_mins(5);

/// The way out to the pages about a function.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Away<'a> {
    function: &'a FunctionKey,
    portal: Option<&'a Portal>,
}

impl<'a> Away<'a> {
    pub(crate) fn new(function: &'a FunctionKey, portal: Option<&'a Portal>) -> Self {
        Self { function, portal }
    }

    pub(crate) fn function(&self) -> Option<String> {
        self.to("lambda", &format!("/functions/{}?tab=monitoring", self.function.name))
    }

    /// A published version; what is not one has no page.
    pub(crate) fn version(&self, version: &str) -> Option<String> {
        let is_published = !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit());
        let path = format!("/functions/{}/versions/{version}?tab=monitoring", self.function.name);
        if is_published { self.to("lambda", &path) } else { None }
    }

    /// What the function logged from a little before one moment to a little after another, of one request where it is known.
    pub(crate) fn logs(
        &self,
        (from, to): (EpochMillis, EpochMillis),
        request: Option<&str>,
    ) -> Option<String> {
        let filter = request.map(|it| format!("| filter @requestId = \"{}\"\n", quoted(it)));
        let query = format!(
            "fields @timestamp, @message\n{}| sort @timestamp asc\n| limit 1000",
            filter.unwrap_or_default()
        );
        let detail = format!(
            "~(end~'{}~start~'{}~timeType~'ABSOLUTE~tz~'UTC~editorString~'{}~source~(~'{}))",
            text(&rfc3339(to.plus(AROUND))),
            text(&rfc3339(from.minus(AROUND))),
            text(&query),
            text(&format!("/aws/lambda/{}", self.function.name))
        );
        self.to("cloudwatch", &format!("logsV2:logs-insights$3FqueryDetail$3D{detail}"))
    }

    pub(crate) fn trace(&self, id: &str) -> Option<String> {
        self.to("cloudwatch", &format!("xray:traces/{}", text(id)))
    }

    /// A page of a service, by what stands after `#`.
    fn to(&self, service: &str, page: &str) -> Option<String> {
        let FunctionKey { account, region, .. } = self.function;
        let domain = match region::partition(region.as_str()) {
            "aws" => "console.aws.amazon.com",
            "aws-cn" => "console.amazonaws.cn",
            "aws-us-gov" => "console.amazonaws-us-gov.com",
            _ => return None,
        };
        let url = format!("https://{region}.{domain}/{service}/home?region={region}#{page}");
        Some(match self.portal {
            Some(portal) => portal.link((*account, region), &url),
            None => url,
        })
    }
}

/// A text within quotes of a query.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A text in the notation of JSURL.
fn text(text: &str) -> String {
    let mut written = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        // Writing into a string does not fail.
        let _ = match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-' => write!(written, "{letter}"),
            '$' => write!(written, "!"),
            '\0'..='\u{ff}' => write!(written, "*{:02x}", u32::from(letter)),
            _ => {
                let mut units = [0; 2];
                let units = letter.encode_utf16(&mut units);
                units.iter().try_for_each(|unit| write!(written, "**{unit:04x}"))
            }
        };
    }
    written
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const AT: EpochMillis = EpochMillis(1_793_491_200_000);

    fn function(region: &str) -> FunctionKey {
        FunctionKey {
            account: "111122223333".parse().unwrap(),
            region: region.parse().unwrap(),
            name: "orders".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(region: &str, of: impl Fn(Away<'_>) -> Option<String>, expected: Expect) {
        let function = function(region);
        expected.assert_eq(&of(Away::new(&function, None)).unwrap_or_default());
    }

    #[test]
    fn each_world_has_its_console() {
        let of = |it: Away<'_>| it.function();
        check(
            "eu-west-1",
            of,
            expect![
                "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/orders?tab=monitoring"
            ],
        );
        check(
            "cn-north-1",
            of,
            expect![
                "https://cn-north-1.console.amazonaws.cn/lambda/home?region=cn-north-1#/functions/orders?tab=monitoring"
            ],
        );
        check(
            "us-gov-west-1",
            of,
            expect![
                "https://us-gov-west-1.console.amazonaws-us-gov.com/lambda/home?region=us-gov-west-1#/functions/orders?tab=monitoring"
            ],
        );
        check("us-iso-east-1", of, expect![[r""]]);
    }

    #[test]
    fn only_a_published_version_has_a_page() {
        check(
            "eu-west-1",
            |it| it.version("43"),
            expect![
                "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/orders/versions/43?tab=monitoring"
            ],
        );
        check("eu-west-1", |it| it.version("$LATEST"), expect![[r""]]);
        check("eu-west-1", |it| it.version(""), expect![[r""]]);
    }

    #[test]
    fn a_query_of_the_log_is_written_as_the_console_writes_it() {
        let around = (AT, AT.plus(Duration::from_secs(3)));
        let request = "8f5e2a8e-9a5b-4f21-9d3c-1f2b3c4d5e6f";
        check(
            "eu-west-1",
            |it| it.logs(around, Some(request)),
            expect![
                "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:logs-insights$3FqueryDetail$3D~(end~'2026-11-01T00*3a05*3a03.000Z~start~'2026-10-31T23*3a55*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC~editorString~'fields*20*40timestamp*2c*20*40message*0a*7c*20filter*20*40requestId*20*3d*20*228f5e2a8e-9a5b-4f21-9d3c-1f2b3c4d5e6f*22*0a*7c*20sort*20*40timestamp*20asc*0a*7c*20limit*201000~source~(~'*2faws*2flambda*2forders))"
            ],
        );
        check(
            "eu-west-1",
            |it| it.logs(around, None),
            expect![
                "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:logs-insights$3FqueryDetail$3D~(end~'2026-11-01T00*3a05*3a03.000Z~start~'2026-10-31T23*3a55*3a00.000Z~timeType~'ABSOLUTE~tz~'UTC~editorString~'fields*20*40timestamp*2c*20*40message*0a*7c*20sort*20*40timestamp*20asc*0a*7c*20limit*201000~source~(~'*2faws*2flambda*2forders))"
            ],
        );
        check(
            "eu-west-1",
            |it| it.trace("1-5759e988-bd862e3fe1be46a994272793"),
            expect![
                "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#xray:traces/1-5759e988-bd862e3fe1be46a994272793"
            ],
        );
    }

    #[test]
    fn nothing_breaks_out_of_a_text() {
        assert_eq!(text("a_b.c-d $1/'é€😀"), "a_b.c-d*20!1*2f*27*e9**20ac**d83d**de00");
        assert_eq!(quoted(r#"x" | limit 1 \"#), r#"x\" | limit 1 \\"#);
        let function = function("eu-west-1");
        let link = Away::new(&function, None).logs((AT, AT), Some("')~x\"&<>")).unwrap();
        assert!(!link.contains(['<', '>', '"', '&', ' ']), "{link}");
    }

    #[test]
    fn a_portal_is_told_the_account_and_where_to_go() {
        let portal = "https://p.example/#/console?account_id={account}&destination={destination}";
        let portal = portal.parse().unwrap();
        let function = function("eu-west-1");
        expect!["https://p.example/#/console?account_id=111122223333&destination=https%3A%2F%2Feu-west-1.console.aws.amazon.com%2Flambda%2Fhome%3Fregion%3Deu-west-1%23%2Ffunctions%2Forders%3Ftab%3Dmonitoring"].assert_eq(&Away::new(&function, Some(&portal)).function().unwrap());
    }
}
