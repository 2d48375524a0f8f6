//! Products of a simplestreams server.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::HashMap;
use std::fs;

use ays_model::{Check, Stream};
use ays_protocol::{Failure, LookAt, Looked, Outcome};
use support::{Answer, Web, answer, by_sha256, content, fetch, look, names, run, sha256};
use tempfile::tempdir;

fn files(path: &str, body: &[u8]) -> HashMap<String, Vec<u8>> {
    let index = r#"{"index": {"x": {"datatype": "image-downloads", "path": "streams/v1/x.json", "products": ["a:amd64"]}}}"#;
    let item = format!(r#"{{"ftype": "disk", "path": "{path}", "sha256": "{}"}}"#, sha256(body));
    let products =
        format!(r#"{{"products": {{"a:amd64": {{"versions": {{"7": {{"items": {{"disk": {item}}}}}}}}}}}}}"#);
    HashMap::from([
        ("/base/streams/v1/index.json".to_owned(), index.as_bytes().to_vec()),
        ("/base/streams/v1/x.json".to_owned(), products.into_bytes()),
        ("/base/images/x.img".to_owned(), body.to_vec()),
        ("/x.img".to_owned(), body.to_vec()),
    ])
}

async fn serve(path: &str, body: &[u8]) -> Web {
    let files = files(path, body);
    Web::start(move |request, _| match files.get(&request.path) {
        Some(bytes) => Answer::file(request, bytes, "\"one\""),
        None => Answer::status("404 Not Found"),
    })
    .await
}

fn product(item: &str) -> Check {
    Check::Stream(Stream { product: "a:amd64".to_owned(), item: item.to_owned(), signed: None })
}

#[tokio::test]
async fn a_product_is_found_at_each_fetch() {
    let body = content(300_000);
    let web = serve("images/x.img", &body).await;
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    // With and without the slash at its end.
    for (base, kept) in [("/base/", false), ("/base", true)] {
        let result = run(fetch(&web.url(base), &dest, product("disk"))).await;
        let Ok(Outcome::Fetched(fetched)) = result else { panic!("{result:?}") };
        assert_eq!((fetched.verified_by, fetched.version.as_deref()), (by_sha256(&body), Some("7")));
        assert_eq!((fetched.kept, fs::read(&dest).unwrap() == body), (kept, true));
        let Ok(Looked::State(state)) =
            answer(run(look(&web.url(base), LookAt::State(product("disk")))).await)
        else {
            panic!()
        };
        assert_eq!((state.version.as_deref(), state.size), (Some("7"), Some(300_000)));
        assert_eq!(state.address.unwrap().to_string(), web.url("/base/images/x.img"));
        // Its first bytes are those of the product, and not of the directory of the streams.
        let looked = run(look(&web.url(base), LookAt::Disk(product("disk")))).await;
        assert!(web.requests().last().unwrap().path.ends_with("/base/images/x.img"), "{looked:?}");
    }
}

#[tokio::test]
async fn what_a_stream_does_not_have_is_named_and_nothing_leads_out_of_it() {
    let body = content(1000);
    let directory = tempdir().unwrap();
    let dest = directory.path().join("x");
    let web = serve("images/x.img", &body).await;
    let result = run(fetch(&web.url("/base/"), &dest, product("ova"))).await;
    let reason = "no version of it has the item ova; there are disk".to_owned();
    assert_eq!(result, Err(Failure::Stream { url: web.url("/base/streams/v1/x.json"), reason }));
    for path in ["../x.img", "/x.img", "images/%2e%2e/%2e%2e/x.img", "http://127.0.0.1/x.img"] {
        let web = serve(path, &body).await;
        let result = run(fetch(&web.url("/base/"), &dest, product("disk"))).await;
        assert!(matches!(result, Err(Failure::Stream { .. })), "{path}: {result:?}");
        assert!(web.requests().iter().all(|request| request.path.starts_with("/base/streams/")), "{path}");
    }
    assert_eq!(names(directory.path()), [""; 0]);
}
