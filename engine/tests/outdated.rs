//! Many sources are asked in the time of the slowest one.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ays_catalogue::{
    Catalogue, ChangedBy, ImageFacts, Place, Registration, SourceFacts, StackFacts, StoredFacts,
    TemplateFacts, Timestamp,
};
use ays_engine::{Asked, Freshness, Questions};
use ays_model::{BootType, DiskFormat, Gid, Md5, PoolKey};
use ays_recipes::{Environment, Layers, Recipe, Request};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long an answer takes.
const SLOW: Duration = Duration::from_secs(1);

/// A web server: whatever is asked for is 5 bytes of a certain date; all of it slowly.
async fn serve(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        stream.read_line(&mut request).await.ok().filter(|count| *count > 0)?;
    }
    let path = request.split(' ').nth(1)?;
    tokio::time::sleep(SLOW).await;
    let date = if path.ends_with('7') { "Sat, 22 Nov 2026 10:00:00 GMT" } else { DATE };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nLast-Modified: {date}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.ok()
}

const DATE: &str = "Fri, 21 Nov 2026 10:00:00 GMT";

fn pool() -> PoolKey {
    PoolKey { gid: Gid(1), name: "local".into(), node: Some("n1".into()), path: "/pool".into() }
}

/// An environment with so many recipes, each for its file, and a catalogue that has them all.
async fn installed(directory: &Path, images: u32, host: &str) -> (Environment, Catalogue) {
    git2::Repository::init(directory).unwrap();
    let catalogue =
        Catalogue::open(&Place::File(directory.join("catalogue.db")), &"environment".into()).await.unwrap();
    let by = ChangedBy { actor: "ops@c".into(), reason: None, at: Timestamp::now() };
    catalogue.set_stacks(&[StackFacts { name: "n1".into(), pool: pool() }], &[], None, &by).await.unwrap();
    for number in 0..images {
        let template = format!("image_{number}");
        let dir = directory.join("servicetemplates").join(&template);
        fs::create_dir_all(&dir).unwrap();
        let export = format!(
            "web.export.1 =\n    url:'http://{host}',\n    source:'/x{number}',\n    dest:'/t/x{number}.img',\n"
        );
        fs::write(dir.join("service.hrd"), export).unwrap();
        let registration = Registration {
            image: ImageFacts {
                name: template.as_str().into(),
                description: None,
                category: "Linux".into(),
                size_gb: 10,
                username: None,
                boot_type: BootType::Bios,
                hot_resize: true,
            },
            source: SourceFacts {
                url: format!("http://{host}/x{number}"),
                etag: None,
                last_modified: Some(DATE.into()),
                md5: format!("{number:032x}").parse().unwrap(),
                sha256: format!("{number:064x}").parse().unwrap(),
                size: 5,
                verified_by: None,
                signed_by: None,
                version: None,
            },
            stored: StoredFacts {
                file: format!("x{number}.raw"),
                format: DiskFormat::Raw,
                content: format!("fsverity-sha256:{number:064x}").parse().unwrap(),
                digest: format!("fsverity-sha256:{number:064x}").parse().unwrap(),
                size: 5,
                virtual_size: 5,
            },
            template: TemplateFacts { name: template.into(), checksum: Md5([0; 16]), commit: None },
            by: "test".into(),
            pool: pool(),
            wanted_on: vec!["n1".into()],
        };
        catalogue.register(&registration, &Timestamp::now()).await.unwrap();
    }
    (Environment::find(directory, &Layers::default()).unwrap(), catalogue)
}

#[tokio::test]
async fn a_hundred_sources_are_asked_in_the_time_of_the_slowest() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    tokio::spawn(serve(listener));
    let directory = tempfile::tempdir().unwrap();
    let (environment, catalogue) = installed(directory.path(), 100, &host).await;
    let temporary = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let current = catalogue.current_generations().await.unwrap();
    let questions =
        Questions::new(current, &catalogue.installed_images().await.unwrap(), |template, instance| {
            let template = environment.template(template).map_err(|error| error.to_string())?;
            let request = Request::without_answers(instance.clone());
            Recipe::read(&environment, template, &request).map_err(|error| error.to_string())
        });
    let asked = questions.ask(temporary.path()).await.unwrap();
    let took = begun.elapsed();
    assert_eq!(asked.len(), 100);
    for Asked { image, freshness, .. } in asked {
        let expected = if image.ends_with('7') {
            Freshness::Outdated(format!("its date is Sat, 22 Nov 2026 10:00:00 GMT now, it was {DATE}"))
        } else {
            Freshness::Current
        };
        assert_eq!(freshness, expected, "{image}");
    }
    assert!(took < SLOW + Duration::from_secs(1), "it took {took:?}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "the helper left something");
}
