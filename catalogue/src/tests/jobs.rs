//! Jobs, schedules, users and pages.

use serde_json::json;

use super::support::{Fixture, at, registration, shared};
use crate::{
    AccountChange, AuditOf, AuditSubject, AuditWhat, Image, ImageColumn, ImageQuery, JobEnd, JobFilter,
    JobId, JobStatus, LockAttempt, NewToken, Page, Role, SESSION,
};

#[tokio::test]
async fn one_worker_has_a_job_and_what_another_says_of_it_changes_nothing() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    let id = catalogue.add_job("scrub", &json!({"kind": "scrub"}), "anna", &at(0)).await.unwrap();
    let begun = catalogue.begin_job(id, "w1", &at(1)).await.unwrap().unwrap();
    assert_eq!((begun.status, begun.attempts, begun.worker.as_deref()), (JobStatus::Running, 1, Some("w1")));
    // w1 is gone, and w2 goes on.
    assert_eq!(catalogue.begin_job(id, "w2", &at(2)).await.unwrap().unwrap().attempts, 2);
    let end = |status| JobEnd { status, report: Some(json!([1])), problem: None };
    catalogue.end_job(id, "w1", &end(JobStatus::Failed), &at(3)).await.unwrap();
    assert_eq!(catalogue.job(id).await.unwrap().unwrap().status, JobStatus::Running);
    catalogue.add_job_events(id, &[json!({"a": 1}), json!({"a": 2})]).await.unwrap();
    catalogue.add_job_events(id, &[json!({"a": 3})]).await.unwrap();
    catalogue.end_job(id, "w2", &end(JobStatus::Succeeded), &at(4)).await.unwrap();
    let done = catalogue.job(id).await.unwrap().unwrap();
    assert_eq!((done.status, done.report), (JobStatus::Succeeded, Some(json!([1]))));
    assert_eq!(catalogue.begin_job(id, "w3", &at(5)).await.unwrap(), None);
    let events = catalogue.job_events(id, 1, 10).await.unwrap();
    assert_eq!(events, [(2, json!({"a": 2})), (3, json!({"a": 3}))]);
    assert_eq!(catalogue.job_events(id, 0, 1).await.unwrap(), [(1, json!({"a": 1}))]);
    assert_eq!(catalogue.job(JobId(77)).await.unwrap(), None);
    // It ended at 4. One that is not over is never forgotten.
    let open = catalogue.add_job("scrub", &json!({"kind": "scrub"}), "anna", &at(0)).await.unwrap();
    assert_eq!(catalogue.remove_jobs(&at(4), 10).await.unwrap(), 0);
    assert_eq!(catalogue.remove_jobs(&at(5), 10).await.unwrap(), 1);
    assert_eq!(catalogue.job(id).await.unwrap(), None);
    assert_eq!(catalogue.job_events(id, 0, 10).await.unwrap(), []);
    assert!(catalogue.job(open).await.unwrap().is_some());
    let other = catalogue.add_job("outdated", &json!({"kind": "outdated"}), "anna", &at(5)).await.unwrap();
    catalogue.add_job("scrub", &json!({"kind": "scrub"}), "anna", &at(6)).await.unwrap();
    let of_kind = JobFilter { kind: Some("outdated".to_owned()), limit: Some(1), ..JobFilter::default() };
    let found: Vec<_> = catalogue.jobs(&of_kind).await.unwrap().into_iter().map(|job| job.id).collect();
    assert_eq!(found, [other]);
}

#[tokio::test]
async fn a_cancelled_job_is_over_at_once_or_ends_soon() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    let add = async || catalogue.add_job("scrub", &json!({}), "anna", &at(0)).await.unwrap();
    let (queued, running, unseen) = (add().await, add().await, add().await);
    assert_eq!(catalogue.cancel_job(queued, "bob", &at(1)).await.unwrap(), Some(JobStatus::Cancelled));
    assert_eq!(catalogue.begin_job(queued, "w1", &at(1)).await.unwrap(), None);
    catalogue.begin_job(running, "w1", &at(1)).await.unwrap();
    assert_eq!(catalogue.cancel_job(running, "bob", &at(2)).await.unwrap(), Some(JobStatus::Running));
    assert_eq!(catalogue.cancelled_jobs(&[running, unseen]).await.unwrap(), [running]);
    // Its worker is gone before it noticed.
    assert_eq!(catalogue.begin_job(running, "w2", &at(3)).await.unwrap(), None);
    assert_eq!(catalogue.job(running).await.unwrap().unwrap().status, JobStatus::Cancelled);
    let filter = JobFilter { status: Some(JobStatus::Cancelled), ..JobFilter::default() };
    let found = catalogue.jobs(&filter).await.unwrap();
    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), [running, queued]);
    catalogue.begin_job(unseen, "w1", &at(4)).await.unwrap();
    catalogue.hand_back_job(unseen, "w1").await.unwrap();
    assert_eq!(catalogue.job(unseen).await.unwrap().unwrap().status, JobStatus::Queued);
}

#[tokio::test]
async fn a_schedule_makes_each_job_once() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.catalogue, fixture.other().await);
    let operation = json!({"kind": "scrub"});
    let id = one.add_schedule("daily 03:00", &operation, "anna", &at(10), &at(0)).await.unwrap();
    let due = one.schedules().await.unwrap().remove(0);
    let made = one.run_schedule(&due, "scrub", &at(20), &at(11)).await.unwrap();
    assert_eq!(other.run_schedule(&due, "scrub", &at(20), &at(11)).await.unwrap(), None);
    let now = other.schedules().await.unwrap().remove(0);
    assert_eq!((now.next_at.clone(), now.last_job), (at(20), made));
    let job = one.job(made.unwrap()).await.unwrap().unwrap();
    assert_eq!((job.operation, job.actor, job.schedule), (operation, "anna".to_owned(), Some(id)));
    // While that is not over, no other one is made.
    assert_eq!(one.run_schedule(&now, "scrub", &at(30), &at(21)).await.unwrap(), None);
    let later = one.schedules().await.unwrap().remove(0);
    assert_eq!((later.next_at.clone(), later.last_job), (at(30), made));
    one.cancel_job(made.unwrap(), "anna", &at(22)).await.unwrap();
    assert!(one.run_schedule(&later, "scrub", &at(40), &at(31)).await.unwrap().is_some());
    assert!(one.remove_schedule(id).await.unwrap());
    assert!(!one.remove_schedule(id).await.unwrap());
    assert_eq!(one.job(made.unwrap()).await.unwrap().unwrap().schedule, None);
}

#[tokio::test]
async fn a_worker_that_is_gone_is_known_at_once_and_has_no_locks() {
    let fixture = Fixture::new().await;
    let (dead, heir) = (fixture.other().await, &fixture.catalogue);
    let process = dead.enter("w1").await.unwrap();
    let scopes = ["image_x/main on n1".to_owned()];
    let LockAttempt::Held(lock) = dead.lock(&scopes, "w1").await.unwrap() else { panic!("it is free") };
    let names = ["w1".to_owned(), "never".to_owned()];
    assert_eq!(heir.gone(&names).await.unwrap(), ["never"]);
    drop(process);
    while heir.gone(&names).await.unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert!(matches!(heir.lock(&scopes, "w2").await.unwrap(), LockAttempt::Taken(_)));
    heir.give_back_locks_of("w1").await.unwrap();
    let LockAttempt::Held(taken) = heir.lock(&scopes, "w2").await.unwrap() else {
        panic!("it was given back")
    };
    lock.lost().await;
    taken.release().await.unwrap();
}

#[tokio::test]
async fn a_token_lets_in_until_it_expires_is_revoked_or_its_user_is_gone() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    assert!(catalogue.add_account("anna", Role::Operator, "root", &at(0)).await.unwrap());
    assert!(!catalogue.add_account("anna", Role::Admin, "root", &at(0)).await.unwrap());
    let token = |hash: &'static str, role, expires_at| NewToken {
        account: "anna",
        name: "ci",
        hash,
        role,
        expires_at,
    };
    let first = catalogue.add_token(&token("h1", Role::Admin, None), "root", &at(0)).await.unwrap().unwrap();
    catalogue.add_token(&token("h2", Role::Viewer, Some(at(10))), "root", &at(0)).await.unwrap().unwrap();
    // Never more than its user.
    assert_eq!(catalogue.let_in("h1", &at(1)).await.unwrap(), Some(("anna".to_owned(), Role::Operator)));
    assert_eq!(catalogue.let_in("h2", &at(9)).await.unwrap(), Some(("anna".to_owned(), Role::Viewer)));
    assert_eq!(catalogue.let_in("h2", &at(10)).await.unwrap(), None);
    assert_eq!(catalogue.let_in("h3", &at(1)).await.unwrap(), None);
    assert!(catalogue.revoke_token(first.id, "root", &at(2)).await.unwrap());
    assert!(!catalogue.revoke_token(first.id, "root", &at(2)).await.unwrap());
    assert_eq!(catalogue.let_in("h1", &at(3)).await.unwrap(), None);
    // One was revoked at 2, the other expires at 10.
    assert_eq!(catalogue.remove_tokens(&at(2)).await.unwrap(), 0);
    assert_eq!(catalogue.remove_tokens(&at(3)).await.unwrap(), 1);
    let left: Vec<_> = catalogue.tokens(None).await.unwrap().into_iter().map(|token| token.role).collect();
    assert_eq!(left, [Role::Viewer]);
    let session = NewToken { name: SESSION, ..token("h5", Role::Admin, None) };
    catalogue.add_token(&session, "root", &at(3)).await.unwrap().unwrap();
    assert!(catalogue.set_password("anna", "$argon2id$..", "root", &at(4)).await.unwrap());
    assert_eq!(catalogue.let_in("h5", &at(4)).await.unwrap(), None, "a new password ends sessions");
    assert!(catalogue.let_in("h2", &at(4)).await.unwrap().is_some(), "and nothing else");
    assert_eq!(catalogue.password("anna").await.unwrap(), Some((Role::Operator, "$argon2id$..".to_owned())));
    let scrub = json!({"kind": "scrub"});
    for actor in ["anna", "bert"] {
        catalogue.add_schedule("daily 03:00", &scrub, actor, &at(9), &at(3)).await.unwrap();
        catalogue.add_job("scrub", &scrub, actor, &at(3)).await.unwrap();
    }
    let schedules = async || {
        let all = catalogue.schedules().await.unwrap();
        all.into_iter().map(|one| one.actor).collect::<Vec<_>>()
    };
    let queued = async || {
        let queued = JobFilter { status: Some(JobStatus::Queued), ..JobFilter::default() };
        let jobs = catalogue.jobs(&queued).await.unwrap();
        jobs.into_iter().map(|one| one.actor).collect::<Vec<_>>()
    };
    // Nothing begins any more with the rights that somebody had.
    assert_eq!(catalogue.set_role("anna", Role::Viewer, "root", &at(3)).await.unwrap(), AccountChange::Made);
    assert_eq!((queued().await, schedules().await.len()), (vec!["bert".to_owned()], 2));
    catalogue.add_job("scrub", &scrub, "anna", &at(3)).await.unwrap();
    let remove = async |name| catalogue.remove_account(name, "root", &at(3)).await.unwrap();
    assert_eq!(remove("bert").await, AccountChange::Unknown, "bert is no user of the server");
    assert_eq!(remove("anna").await, AccountChange::Made);
    assert_eq!((queued().await, schedules().await), (vec!["bert".to_owned()], vec!["bert".to_owned()]));
    let job =
        catalogue.jobs(&JobFilter::default()).await.unwrap().into_iter().find(|job| job.actor == "anna");
    assert_eq!(job.unwrap().cancelled_by.as_deref(), Some("root"));
    assert_eq!(catalogue.let_in("h2", &at(3)).await.unwrap(), None);
    let role = async |name, role| catalogue.set_role(name, role, "root", &at(3)).await.unwrap();
    assert_eq!(role("anna", Role::Admin).await, AccountChange::Unknown);
    assert_eq!(catalogue.add_token(&token("h4", Role::Viewer, None), "root", &at(3)).await.unwrap(), None);
}

#[tokio::test]
async fn what_becomes_of_users_is_in_the_audit() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    let hook = catalogue.add_webhook("https://example.org/", "hook", "root", &at(0)).await.unwrap();
    catalogue.add_account("anna", Role::Viewer, "root", &at(0)).await.unwrap();
    catalogue.set_role("anna", Role::Operator, "root", &at(1)).await.unwrap();
    catalogue.set_role("anna", Role::Operator, "root", &at(1)).await.unwrap();
    catalogue.set_password("anna", "$argon2id$..", "anna", &at(2)).await.unwrap();
    let new = |name| NewToken { account: "anna", name, hash: name, role: Role::Viewer, expires_at: None };
    let token = catalogue.add_token(&new("ci"), "anna", &at(3)).await.unwrap().unwrap();
    let session = catalogue.add_token(&new(SESSION), "anna", &at(3)).await.unwrap().unwrap();
    catalogue.revoke_token(token.id, "root", &at(4)).await.unwrap();
    catalogue.revoke_token(session.id, "anna", &at(4)).await.unwrap();
    catalogue.remove_account("anna", "root", &at(5)).await.unwrap();
    let told = catalogue.audit(&AuditOf::All, 100).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .rev()
        .filter(|record| record.subject == AuditSubject::User)
        .inspect(|record| assert_eq!(record.name, "anna"))
        .map(|record| (record.what, &*record.actor, record.before.clone(), record.after.clone()))
        .collect();
    let token = json!({"name": "ci", "role": "viewer", "until": null});
    let expected = [
        (AuditWhat::Role, "root", None, Some(json!("viewer"))),
        (AuditWhat::Role, "root", Some(json!("viewer")), Some(json!("operator"))),
        (AuditWhat::Password, "anna", None, Some(json!("changed"))),
        (AuditWhat::Token, "anna", None, Some(token)),
        (AuditWhat::Token, "root", Some(json!({"name": "ci"})), None),
        (AuditWhat::Role, "root", Some(json!("operator")), None),
    ];
    assert_eq!(told, expected);
    // It is nobody's affair but that of admins.
    let others = catalogue.audit(&AuditOf::AllButUsers, 100).await.unwrap();
    assert!(others.iter().all(|record| record.subject != AuditSubject::User));
    assert_eq!(catalogue.claim_webhook(hook, 10, &at(20), &at(10)).await.unwrap(), []);
    assert_eq!(catalogue.webhooks().await.unwrap()[0].waiting, 0);
}

#[tokio::test]
async fn the_last_admin_stays_one() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    for name in ["anna", "bert"] {
        catalogue.add_account(name, Role::Admin, "root", &at(0)).await.unwrap();
    }
    let role = async |name, role| catalogue.set_role(name, role, "root", &at(1)).await.unwrap();
    let remove = async |name| catalogue.remove_account(name, "root", &at(1)).await.unwrap();
    assert_eq!(role("anna", Role::Operator).await, AccountChange::Made);
    assert_eq!(role("bert", Role::Viewer).await, AccountChange::LastAdmin);
    assert_eq!(remove("bert").await, AccountChange::LastAdmin);
    assert_eq!(role("bert", Role::Admin).await, AccountChange::Made);
    assert_eq!(role("anna", Role::Admin).await, AccountChange::Made);
    assert_eq!(remove("bert").await, AccountChange::Made);
}

#[tokio::test]
async fn images_are_found_page_by_page() {
    let fixture = Fixture::new().await;
    let catalogue = &fixture.catalogue;
    for (name, content) in [("b_1", "a"), ("a", "b"), ("c%", "c"), ("bx1", "d")] {
        catalogue.register(&registration(name, content, shared(), &["n1"]), &at(0)).await.unwrap();
    }
    let names = |page: Page<Image>| {
        let names: Vec<String> = page.items.into_iter().map(|image| image.name.into()).collect();
        (names, page.total)
    };
    let ask = async |query: ImageQuery| names(catalogue.image_page(&query).await.unwrap());
    let all = ImageQuery { limit: 10, ..ImageQuery::default() };
    let of = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(ask(all.clone()).await, (of(&["a", "b_1", "bx1", "c%"]), 4));
    assert_eq!(ask(ImageQuery { skip: 1, limit: 2, ..all.clone() }).await, (of(&["b_1", "bx1"]), 4));
    let id = catalogue.images().await.unwrap().iter().find(|image| image.name == *"a").unwrap().id;
    sqlx::query("UPDATE image SET status = 'DESTROYED' WHERE id = $1")
        .bind(id)
        .execute(&fixture.database.writer)
        .await
        .unwrap();
    assert_eq!(ask(all.clone()).await, (of(&["b_1", "bx1", "c%"]), 3));
    let all = ImageQuery { destroyed: true, ..all };
    assert_eq!(ask(all.clone()).await.1, 4);
    let last = ImageQuery { sort: ImageColumn::Id, descending: true, limit: 1, ..all.clone() };
    assert_eq!(ask(last).await, (of(&["bx1"]), 4));
    for (search, found) in [("B_", &["b_1"][..]), ("c%", &["c%"]), ("images.example/a", &["a"]), ("zz", &[])]
    {
        let (names, total) = ask(ImageQuery { search: Some(search.to_owned()), ..all.clone() }).await;
        assert_eq!((names, total), (of(found), found.len() as u64), "{search}");
    }
    let in_columns = |columns: &[(ImageColumn, &str)]| ImageQuery {
        columns: columns.iter().map(|&(column, text)| (column, text.to_owned())).collect(),
        search: Some("images.example".to_owned()),
        limit: 2,
        ..ImageQuery::default()
    };
    let linux = (ImageColumn::Type, "LINUX");
    assert_eq!(ask(in_columns(&[linux])).await, (of(&["b_1", "bx1"]), 3));
    assert_eq!(ask(in_columns(&[linux, (ImageColumn::Name, "_")])).await, (of(&["b_1"]), 1));
    assert_eq!(ask(in_columns(&[(ImageColumn::Size, "999")])).await, (of(&[]), 0));
    let numbers = catalogue.numbers().await.unwrap();
    assert_eq!(numbers.images, [("CREATED".to_owned(), 3), ("DESTROYED".to_owned(), 1)]);
    assert_eq!(numbers.offers[0], ("n1".to_owned(), 3));
}

#[tokio::test]
async fn a_webhook_is_told_of_what_comes_after_it_and_by_one_worker() {
    let fixture = Fixture::new().await;
    let (one, other) = (&fixture.catalogue, fixture.other().await);
    let id = one.add_webhook("https://example.org/", "hook", "anna", &at(0)).await.unwrap();
    assert_eq!(one.claim_webhook(id, 9, &at(30), &at(1)).await.unwrap(), []);
    one.register(&registration("debian", "a", shared(), &["n1"]), &at(2)).await.unwrap();
    assert!(one.webhooks().await.unwrap()[0].waiting > 1);
    let changes = one.claim_webhook(id, 2, &at(30), &at(3)).await.unwrap();
    assert_eq!(changes.len(), 2);
    assert!(changes[0].id < changes[1].id);
    // While one worker has it, nobody else does; when that is gone, another one.
    assert_eq!(other.claim_webhook(id, 2, &at(40), &at(29)).await.unwrap(), []);
    assert_eq!(other.claim_webhook(id, 2, &at(60), &at(30)).await.unwrap(), changes);
    one.webhook_failed(id, "late", &at(30), &at(99)).await.unwrap();
    other.webhook_failed(id, "it answered 500", &at(60), &at(70)).await.unwrap();
    let failed = one.webhooks().await.unwrap().remove(0);
    assert_eq!((failed.failures, failed.problem.as_deref()), (1, Some("it answered 500")));
    assert_eq!(one.claim_webhook(id, 2, &at(90), &at(69)).await.unwrap(), []);
    assert_eq!(one.claim_webhook(id, 2, &at(90), &at(70)).await.unwrap(), changes);
    other.webhook_told(id, changes[0].id, &at(60), &at(71)).await.unwrap();
    one.webhook_told(id, changes[1].id, &at(90), &at(71)).await.unwrap();
    let told = one.webhooks().await.unwrap().remove(0);
    assert_eq!((told.failures, told.problem, told.delivered_at), (0, None, Some(at(71))));
    let rest = one.claim_webhook(id, 9, &at(90), &at(72)).await.unwrap();
    assert!(rest.iter().all(|change| change.id > changes[1].id) && !rest.is_empty(), "{rest:?}");
    assert!(one.remove_webhook(id).await.unwrap());
    assert!(!one.remove_webhook(id).await.unwrap());
}
