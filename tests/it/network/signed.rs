//! The real extension signs, and a front end that checks with botocore lets it through to `overtime serve`.

use std::time::Duration;

use expect_test::expect;
use sandbox::front::Caller;
use sandbox::spec::{Credentials, Initialization};
use sandbox::{Environment, Spec};

use super::reporting::{Service, hang, said, signed, succeed};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const MISMATCH: &str = "403 InvalidSignatureException";
const EXPIRED: &str = "403 ExpiredTokenException";

fn caller() -> Caller {
    Caller::of(&signed("http://127.0.0.1"))
}

/// Two lives, each with successes and a timeout.
async fn live(environment: &mut Environment) -> Vec<String> {
    let mut requests = Vec::new();
    for _ in 0..2 {
        succeed(environment).await;
        succeed(environment).await;
        requests.push(hang(environment).await);
    }
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn timeouts_arrive_once_signed_by_the_functions_role() {
    for over_tls in [false, true] {
        let service = Service::start(caller(), over_tls).await;
        let spec = signed(&service.front.url());
        let spec =
            if over_tls { spec.variable("OVERTIME_CA_FILE", service.certificate()) } else { spec };
        let mut environment = Environment::start(spec).await.unwrap();
        let requests = live(&mut environment).await;
        assert_eq!(service.timeouts(2).await, requests, "{:?}", service.answers());
        let verdicts = service.front.verdicts();
        assert!(verdicts.iter().all(|it| it.status == 200), "{:?}", service.answers());
        let iam = &verdicts[0].event.as_ref().unwrap()["requestContext"]["authorizer"]["iam"];
        assert_eq!(iam["userArn"], caller().arn());
        assert_eq!(verdicts.iter().all(|it| it.tls.is_some()), over_tls);
        assert!(said(&environment).is_empty(), "{:?}", said(&environment));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_costs_one_refusal_in_a_life() {
    for is_ahead in [true, false] {
        let service = Service::start(caller(), false).await;
        let edit = |plan: &mut sandbox::front::Plan| {
            let off = if is_ahead { &mut plan.ahead } else { &mut plan.behind };
            *off = TEN_MINUTES;
        };
        service.front.change(edit).unwrap();
        let mut environment = Environment::start(signed(&service.front.url())).await.unwrap();
        let requests = live(&mut environment).await;
        assert_eq!(service.timeouts(2).await, requests, "{:?}", service.answers());
        let answers = service.answers();
        let refused = answers.iter().filter(|it| **it == MISMATCH).count();
        let accepted = answers.iter().filter(|it| **it == "200").count();
        assert_eq!((refused, accepted), (2, answers.len() - 2), "{answers:?}");
        assert_eq!((&*answers[0], &*answers[1]), (MISMATCH, "200"));
        assert!(said(&environment).is_empty(), "{:?}", said(&environment));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn under_snap_start_credentials_are_fetched() {
    let service = Service::start(caller(), false).await;
    let spec = signed(&service.front.url());
    let spec = Spec { initialization: Initialization::SnapStart, ..spec };
    let mut environment = Environment::start(spec).await.unwrap();
    let requests = live(&mut environment).await;
    assert_eq!(service.timeouts(2).await, requests, "{:?}", service.answers());
    assert!(service.answers().iter().all(|it| it == "200"), "{:?}", service.answers());

    // The endpoint of the sandbox gives the same ones again; each post asks it once and no more.
    let before = service.answers().len();
    service.front.change(|plan| plan.callers[0].is_expired = true).unwrap();
    let mut requests = requests;
    hang(&mut environment).await;
    let refused = service.answers().split_off(before);
    assert!(!refused.is_empty() && refused.len() % 2 == 0, "{refused:?}");
    assert!(refused.iter().all(|it| it == EXPIRED), "{refused:?}");
    service.front.change(|plan| plan.callers[0].is_expired = false).unwrap();
    requests.push(hang(&mut environment).await);
    assert_eq!(service.timeouts(3).await, requests);
}

/// Somebody must do something; the function goes on, and what happens afterwards is reported.
#[tokio::test(flavor = "multi_thread")]
async fn a_signature_that_is_refused_is_said_once_and_works_once_it_is_put_right() {
    let stranger = Credentials { secret: "another".to_owned(), ..Credentials::default() };
    let service = Service::start(Caller { credentials: stranger, ..caller() }, false).await;
    let mut environment = Environment::start(signed(&service.front.url())).await.unwrap();
    live(&mut environment).await;
    assert!(service.answers().iter().all(|it| it == MISMATCH), "{:?}", service.answers());
    assert!(service.timeouts(0).await.is_empty());
    let [first, second] = &said(&environment)[..] else { panic!("{:?}", said(&environment)) };
    assert_eq!(first, second, "once in each life");
    expect!["overtime: the aggregator answered 403 Forbidden: set OVERTIME_URL to the aggregator's function URL itself, because what is changed on the way is no longer what was signed, and leave the credentials as Lambda sets them"].assert_eq(first);
    service.front.change(|plan| plan.callers[0].credentials = Credentials::default()).unwrap();
    let request = hang(&mut environment).await;
    assert_eq!(service.timeouts(1).await, [request]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ended_and_cannot_be_renewed_is_no_reason_to_ask_twice() {
    let service = Service::start(Caller { is_expired: true, ..caller() }, false).await;
    let mut environment = Environment::start(signed(&service.front.url())).await.unwrap();
    hang(&mut environment).await;
    let answers = service.answers();
    assert!(answers.iter().all(|it| it == EXPIRED), "{answers:?}");
    expect!["overtime: the aggregator answered 403 Forbidden: leave AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN as Lambda sets them"].assert_eq(&said(&environment).join("\n"));
    service.front.change(|plan| plan.callers[0].is_expired = false).unwrap();
    let request = hang(&mut environment).await;
    assert_eq!(service.timeouts(1).await, [request]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_trusted_is_named_with_its_fix() {
    let service = Service::start(caller(), true).await;
    let mut environment = Environment::start(signed(&service.front.url())).await.unwrap();
    hang(&mut environment).await;
    let line = said(&environment).join("\n");
    assert!(line.contains("its certificate is not trusted"), "{line}");
    assert!(line.ends_with("the file of a private authority in OVERTIME_CA_FILE"), "{line}");

    let spec = signed(&service.front.url()).variable("OVERTIME_CA_FILE", "/nowhere.pem");
    let mut environment = Environment::start(spec).await.unwrap();
    hang(&mut environment).await;
    expect!["overtime: cannot report to OVERTIME_URL: OVERTIME_CA_FILE cannot be read: No such file or directory (os error 2); set it to a file in the function or one of its layers"].assert_eq(&said(&environment).join("\n"));
    assert!(service.front.verdicts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_that_names_no_region_needs_a_setting() {
    let spec = super::reporting::spec("http://127.0.0.1:9");
    let mut environment = Environment::start(spec).await.unwrap();
    hang(&mut environment).await;
    let said = said(&environment);
    assert!(
        said[0].contains("nothing is reported: OVERTIME_SIGNING_REGION is not set"),
        "{said:?}"
    );
}
