//! `ays lint`, `ays explain` and `ays fmt`, as a maintainer and a repository's CI use them.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::{Value, json};

use crate::support::{Ays, Environment, Lab};

const BAD: &str = "servicetemplates/image bad/service.hrd";

#[test]
fn mistakes_are_told_with_their_places_and_files_brought_into_form() {
    let lab = Lab::new();
    let environment = Environment::new(&lab);
    let ays = Ays::new(&lab, &environment, &[]);

    // The example's sources are unverified, or have passwords: that is no error.
    let fine = ays.run(&["lint"]);
    assert_eq!((fine.code, fine.stdout.lines().last()), (Some(0), Some("0 errors, 3 warnings")), "{fine:?}");
    ays.succeeds(&["fmt", "--check"]);

    environment.write(
        BAD,
        "platform.supported = 'generic'\nweb.export.1 =\n  url:'https://images.example.org', source:'/x.img',\n  \
         dest:'/var/tmp/', sums:'SHA256SUMS',\n",
    );
    let path = environment.repo().join(BAD);
    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
    let one = ays.run(&["lint", "servicetemplates/image bad"]);
    let message = "`web.export.1`: `dest` must be the path of a file, not of a directory";
    let cure = "write url:'https://HOST', source:'/PATH/FILE', dest:'/opt/jumpscale7/var/tmp/templates/FILE', each with \
                its comma";
    assert_eq!(
        (one.code, one.stdout),
        (
            Some(3),
            format!(
                "{BAD}:2:1: error[web-export]: {message}\n  |\n2 | web.export.1 =\n  | ^^^^^^^^^^^^\n  = help: {cure}\n\n1 error, \
                 0 warnings\n"
            )
        )
    );
    assert_eq!(one.stderr, "error: 1 mistake has to be corrected: `ays explain CODE` says more\n");
    let finding = json!({
        "code": "web-export", "severity": "error", "file": BAD, "line": 2, "column": 1, "message": message, "cure": cure,
    });
    let printed: Value = serde_json::from_str(&ays.run(&["lint", BAD, "--json"]).stdout).unwrap();
    assert_eq!(printed, json!([finding]));

    let sarif = ays.run(&["lint", "--sarif"]);
    assert_eq!(sarif.code, Some(3));
    let sarif: Value = serde_json::from_str(&sarif.stdout).unwrap();
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!((&sarif["version"], results.len()), (&json!("2.1.0"), 4));
    let result = results.iter().find(|result| result["ruleId"] == "web-export").unwrap();
    assert_eq!(
        result["locations"],
        json!([{"physicalLocation": {
            "artifactLocation": {"uri": "servicetemplates/image%20bad/service.hrd", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 2, "startColumn": 1},
        }}])
    );
    let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][rule]["id"], "web-export");

    // Where there is no environment, a template is looked at alone.
    let alone = lab.dir().join("alone");
    fs::create_dir(&alone).unwrap();
    fs::copy(&path, alone.join("service.hrd")).unwrap();
    let file = alone.join("service.hrd").display().to_string();
    let printed: Value =
        serde_json::from_str(&ays.run(&["lint", alone.to_str().unwrap(), "--json"]).stdout).unwrap();
    assert_eq!((printed.as_array().map(Vec::len), &printed[0]["file"]), (Some(1), &json!(file)));

    let explained = ays.succeeds(&["explain", "same-stem"]);
    assert_eq!(
        explained.lines().next(),
        Some("same-stem (error): two recipes whose images have one file stem")
    );
    assert_eq!(ays.run(&["explain", "same-stm"]).code, Some(2));

    let check = ays.run(&["fmt", "--check"]);
    assert_eq!((check.code, check.stdout), (Some(3), format!("{BAD}\n")));
    assert_eq!(ays.succeeds(&["fmt"]), format!("{BAD}\n"));
    assert_eq!(ays.succeeds(&["fmt"]), "");
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "platform.supported             = 'generic'\nweb.export.1                   =\n    url:'https://images.example.org', \
         source:'/x.img',\n    dest:'/var/tmp/', sums:'SHA256SUMS',\n"
    );
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
}
