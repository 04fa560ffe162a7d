//! Requests that time out, are tried again, and time out again.
//!
//! Lambda tries an asynchronous invocation that failed twice more, and a queue gives its message back, each time under the same
//! request or message. What cannot succeed within the timeout then costs the timeout several times over.

use std::collections::BTreeMap;

use super::{Conclusion, Confidence, Finding, Seen, count, number};
use crate::domain::timeout::Timeout;

pub(super) fn conclude(seen: &Seen<'_>) -> Conclusion {
    if !seen.complete {
        return Conclusion::Unknown("there were more timeouts than are looked at");
    }
    let mut requests = BTreeMap::<String, Vec<&Timeout>>::new();
    let mut known = 0_u64;
    for timeout in seen.timeouts {
        if let Some(request) = &timeout.verdict.request {
            requests.entry(request.to_string()).or_default().push(timeout);
            known += 1;
        }
    }
    if known == 0 && !seen.timeouts.is_empty() {
        return Conclusion::Unknown("of no timeout the request is known");
    }
    let repeated: Vec<_> = requests.iter().filter(|(_, it)| it.len() > 1).collect();
    let Some((worst, tries)) = repeated.iter().max_by_key(|(_, it)| it.len()) else {
        return Conclusion::NotFound;
    };
    let again: u64 = repeated.iter().map(|(_, it)| count(it) - 1).sum();
    let poisoned = tries.len() > 2;
    let mut evidence = vec![format!(
        "{} timed out more than once: {again} of {known} timeouts were of requests that had timed out before.",
        number(count(&repeated), "request")
    )];
    evidence.push(format!("Request {worst} timed out {} times.", tries.len()));
    Conclusion::Found(Finding {
        confidence: if poisoned { Confidence::High } else { Confidence::Medium },
        says: format!(
            "The same requests time out again and again: {again} of {known} timeouts were a repetition."
        ),
        evidence,
        advice: "Look at what these requests ask for: an event that cannot be handled in time belongs into a dead-letter queue, with fewer tries.",
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::{super::story::Story, *};

    #[test]
    fn repetitions_are_counted_apart_from_first_tries() {
        let Conclusion::Found(finding) = conclude(&Story::poison().seen()) else {
            panic!("not found")
        };
        assert_eq!(finding.confidence, Confidence::High);
        expect!["The same requests time out again and again: 2 of 4 timeouts were a repetition."]
            .assert_eq(&finding.says);
        assert_eq!(conclude(&Story::bad_luck().seen()), Conclusion::NotFound);
    }
}
