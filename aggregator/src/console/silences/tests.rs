//! A silence from its form to its end, and who may make one.

use axum::http::StatusCode;

use crate::{
    api::viewer::Role,
    console::scene::{Scene, Shown},
};

const FORM: &str = "functions=ord*&lasts=60&comment=A+move+of+the+ledger";

async fn made(scene: &Scene, form: &str) -> String {
    let made = scene.post_as("/silences", form, Role::Operator).await;
    assert_eq!(made.status, StatusCode::SEE_OTHER, "{}", made.body);
    made.headers["location"].to_str().unwrap().to_owned()
}

fn version(page: &Shown) -> String {
    let mark = r#"name="version" value=""#;
    let rest = &page.body[page.body.find(mark).unwrap() + mark.len()..];
    rest[..rest.find('"').unwrap()].to_owned()
}

#[tokio::test]
async fn a_silence_is_made_holds_is_extended_and_ended() {
    let scene = Scene::with_fleet().await;
    let page = scene.get("/silences").await;
    assert!(page.body.contains("Nothing is silent"), "{}", page.body);
    let form = scene.get("/silences/new?functions=ord*&subscriptions=any-timeout").await;
    let reach = form.text("What it would cover", "All times");
    assert!(
        reach.contains("1 function heard of within a day") && reach.contains("1 open alert"),
        "{reach}"
    );
    assert!(form.body.contains(">\nord*</textarea>"), "{}", form.body);

    let silence = made(&scene, FORM).await;
    let page = scene.get(&silence).await;
    assert!(page.body.contains("The silence is made."), "{}", page.body);
    assert!(page.text("The silence", "Until").contains("somebody"), "{}", page.body);
    let text = page.text("The silence", "Who");
    assert!(text.contains("active") && text.contains("1 h left"), "{text}");
    let path = silence.split('?').next().unwrap();
    let extended = format!("by=240&version={}", version(&page));
    let answer = scene.post_as(&format!("{path}/extend"), &extended, Role::Operator).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let twice = scene.post_as(&format!("{path}/extend"), &extended, Role::Operator).await;
    assert_eq!(twice.status, StatusCode::PRECONDITION_FAILED, "it is another version by now");
    let page = scene.get(path).await;
    assert!(page.text("The silence", "Who").contains("5 h left"), "{}", page.body);

    let end = format!("version={}", version(&page));
    let ended = scene.post_as(&format!("{path}/end"), &end, Role::Operator).await;
    assert_eq!(ended.status, StatusCode::SEE_OTHER, "{}", ended.body);
    let page = scene.get(path).await;
    assert!(page.body.contains("ended before its time"), "{}", page.body);
    assert!(!page.body.contains("End now"), "{}", page.body);
    let page = scene.get("/silences").await;
    assert!(page.text("Over", "All times").contains("A move of the ledger"), "{}", page.body);
}

#[tokio::test]
async fn a_form_that_cannot_be_kept_comes_back_with_what_is_wrong() {
    let scene = Scene::empty().await;
    let form = "functions=a/b&accounts=7&tag=%3Dx&lasts=60&comment=+&starts=noon";
    let page = scene.post_as("/silences", form, Role::Admin).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.body);
    for field in ["functions", "accounts", "tag", "comment", "starts"] {
        let link = format!("href=\"#field-{field}\"");
        assert_eq!(page.body.matches(&link).count(), 1, "{field}: {}", page.body);
        let described = format!("id=\"field-{field}\"");
        let input = &page.body[page.body.find(&described).unwrap()..];
        let input = &input[..input.find('>').unwrap()];
        let about = format!("aria-describedby=\"about-{field}\"");
        assert!(input.contains("aria-invalid=\"true\"") && input.contains(&about), "{input}");
    }
    assert!(page.body.contains(">\na/b</textarea>"), "what was written stays: {}", page.body);
    let nothing = scene.post_as("/silences", "comment=why", Role::Admin).await;
    assert!(nothing.body.contains("so that everything would be silent"), "{}", nothing.body);
    let preview = scene.post_as("/silences/preview", "functions=odrers", Role::Operator).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.body);
    assert!(preview.body.contains("It matches nothing."), "{}", preview.body);
    let list = scene.get("/silences").await;
    assert!(!list.body.contains("odrers"), "nothing is kept of a preview");
}

#[tokio::test]
async fn what_somebody_wrote_is_shown_and_does_nothing() {
    let scene = Scene::with_fleet().await;
    let hostile = "functions=nobody&comment=%3Cscript%3Ealert(1)%3C%2Fscript%3E&lasts=60";
    let silence = made(&scene, hostile).await;
    for path in ["/silences", silence.as_str()] {
        let page = scene.get(path).await;
        assert!(page.body.contains("&#60;script&#62;alert(1)"), "{}", page.body);
        assert!(!page.body.contains("<script>"), "{}", page.body);
    }
    let list = scene.get("/silences").await;
    assert!(list.body.contains("matches nothing"), "{}", list.body);
    let prefilled = "/silences/new?comment=%22%3E%3Cscript%3E&functions=%3C%2Ftextarea%3E";
    let form = scene.get(prefilled).await;
    assert!(!form.body.contains("<script>"), "{}", form.body);
    assert_eq!(form.body.matches("</textarea>").count(), 6, "{}", form.body);
}

#[tokio::test]
async fn a_viewer_sees_silences_and_makes_none() {
    let scene = Scene::with_fleet().await;
    let silence = made(&scene, FORM).await;
    let path = silence.split('?').next().unwrap();
    for page in ["/silences", path] {
        let shown = scene.get_as(page, Role::Viewer).await;
        assert_eq!(shown.status, StatusCode::OK);
        for offered in ["End now", "/silences/new", "/extend"] {
            assert!(!shown.body.contains(offered), "{page}: {offered}");
        }
    }
    assert_eq!(scene.get_as("/silences/new", Role::Viewer).await.status, StatusCode::FORBIDDEN);
    for (to, form) in [
        ("/silences".to_owned(), FORM),
        ("/silences/preview".to_owned(), FORM),
        (format!("{path}/end"), "version=1"),
        (format!("{path}/extend"), "by=60&version=1"),
    ] {
        let refused = scene.post_as(&to, form, Role::Viewer).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{to}: {}", refused.body);
    }
}
