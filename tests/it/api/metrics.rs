//! `/metrics` as Prometheus reads it: held against `promtool` and the parsers of its Python client, before and after a restart.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use sandbox::{python, tools};
use serde_json::Value;

use super::fixture::{Fixture, now, one_more};

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0";

impl Fixture {
    async fn metrics(&self, accept: &str, content_type: &str) -> String {
        let answer = self.get_as("/metrics", &[(ACCEPT.as_str(), accept)]).await;
        let answer = answer.error_for_status().unwrap();
        let said = answer.headers()[CONTENT_TYPE].to_str().unwrap();
        assert!(said.starts_with(content_type), "{said}");
        answer.text().await.unwrap()
    }

    /// One number, by the name of a counter and a function.
    async fn counter(&self, name: &str, function: &str) -> Option<u64> {
        let text = self.metrics("*/*", "text/plain").await;
        let label = format!("function=\"{function}\"");
        let mut lines = text.lines().filter(|it| it.starts_with(name) && it.contains(&label));
        lines.next()?.rsplit_once(' ')?.1.parse().ok()
    }

    async fn until_counted(&self, name: &str, function: &str, expected: u64) {
        let latest = tokio::time::Instant::now() + Duration::from_secs(20);
        let mut counted = None;
        while tokio::time::Instant::now() < latest {
            counted = self.counter(name, function).await;
            if counted == Some(expected) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("{name} of {function} is {counted:?}, not {expected}");
    }
}

/// Samples as the parser of Prometheus' Python client sees them.
async fn read(format: &'static str, metrics: String) -> Vec<Value> {
    let read = tokio::task::spawn_blocking(move || python::read_metrics(format, &metrics));
    read.await.unwrap().unwrap()
}

fn named<'a>(samples: &'a [Value], name: &str) -> Vec<&'a Value> {
    samples.iter().filter(|it| it[0] == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_reads_them_in_either_format_and_a_restart_counts_nothing_twice() {
    let fixture = Fixture::start().await;
    let text = fixture.metrics("*/*", "text/plain; version=0.0.4").await;
    let checked = tools::check_metrics(&text).await.unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    assert!(checked.status.success(), "{}\n{text}", String::from_utf8_lossy(&said));
    let samples = read("text", text).await;
    // Three functions, and the others, of whom there are none.
    assert_eq!(named(&samples, "overtime_timeouts_total").len(), 4, "{samples:#?}");
    let batches = named(&samples, "overtime_batches_accepted_total");
    assert_eq!(batches[0][2].as_f64(), Some(4.0));

    let open = fixture.metrics(OPENMETRICS, "application/openmetrics-text; version=1.0.0").await;
    assert!(open.ends_with("# EOF\n"), "{open}");
    let samples = read("openmetrics", open).await;
    let counters = ["invocations", "timeouts", "init_timeouts", "near_timeouts"];
    for counter in counters.map(|it| format!("overtime_{it}")) {
        let created = named(&samples, &format!("{counter}_created"));
        let labels: Vec<_> = created.iter().map(|it| &it[1]).collect();
        let total = named(&samples, &format!("{counter}_total"));
        assert_eq!(total.iter().map(|it| &it[1]).collect::<Vec<_>>(), labels);
        assert!(created.iter().all(|it| it[2].as_f64().unwrap() > 1e9), "{created:#?}");
    }

    // What a new process finds is where it sets out from, and what comes then is counted at once.
    fixture.aggregator.kill().await;
    fixture.aggregator.restart().await.unwrap();
    assert_eq!(fixture.counter("overtime_timeouts_total", "orders").await, Some(0));
    assert_eq!(fixture.post(one_more(now()).encode()).await.status(), 200);
    fixture.until_counted("overtime_timeouts_total", "orders", 1).await;
    fixture.until_counted("overtime_invocations_total", "orders", 7).await;
    assert_eq!(fixture.counter("overtime_timeouts_total", "basket").await, Some(0));
}
