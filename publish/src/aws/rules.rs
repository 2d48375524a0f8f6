//! What AWS takes, known without asking it.

use ays_catalogue::StartedBy;

use super::call::is_region;
use crate::account::is_account_number;
use crate::job::{Fields, ImageFacts};
use crate::problem::Problem;

/// How long the name of an image is, in characters.
const NAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=128;

/// The largest snapshot, in GiB.
const LARGEST: u64 = 65_536;

/// The most days until an image is deprecated: ten years.
const MOST_DAYS: u32 = 3_650;

const GIB: u64 = 1 << 30;

/// All that is wrong, by what is known here.
pub(super) fn check(image: &ImageFacts, fields: &Fields) -> Vec<Problem> {
    let mut problems = Vec::new();
    let field = |key: &str| fields.get(key).map_or("", String::as_str);
    if image.is_windows() {
        problems.push(Problem::error(
            "Windows is in it: AWS takes that only by ImportImage, which prepares its drivers and its licence, and ays \
             does not have that yet",
            "publish it elsewhere, or import it by hand: `aws ec2 import-image`",
        ));
    }
    if !is_name(field("displayName")) {
        problems.push(Problem::error(
            format!("`{}` is no name of an image", field("displayName")),
            "--set displayName=..: 3 to 128 letters, digits, spaces and ( ) [ ] . / - ' @ _",
        ));
    }
    if !is_region(field("region")) {
        problems.push(Problem::error(
            format!("`{}` is no region", field("region")),
            "--set region=..: `ays account test` shows those of the account",
        ));
    }
    for number in accounts(fields).filter(|number| !is_account_number(number)) {
        problems.push(Problem::error(
            format!("`{number}` is no account's number"),
            "--set shareWith=..: numbers of 12 digits, divided by commas",
        ));
    }
    if fields.contains_key("deprecateAfter") && days(fields).is_none() {
        problems.push(Problem::error(
            format!("`{}` is no number of days", field("deprecateAfter")),
            format!("--set deprecateAfter=..: 1 to {MOST_DAYS}"),
        ));
    }
    problems.extend(check_disk(image));
    problems
}

fn check_disk(image: &ImageFacts) -> Vec<Problem> {
    let mut problems = Vec::new();
    let said = image.disk.architecture.as_deref();
    match (said, architecture(image)) {
        (Some(said), None) => problems.push(Problem::error(
            format!("its system is for {said}, and AWS has no such machines"),
            "publish an image for x86_64 or aarch64",
        )),
        (None, _) => problems.push(Problem::warning(
            "for which processor its system is could not be read: it is registered for x86_64",
            "nothing, if it is; `ays image check` says what is in it",
        )),
        (Some(_), Some(_)) => {}
    }
    if image.disk.started_by == Some(StartedBy::Neither) {
        problems.push(Problem::warning(
            "neither a BIOS nor UEFI starts it",
            "`ays image check` says what is in it",
        ));
    }
    let size = gibibytes(image);
    if size > LARGEST {
        problems.push(Problem::error(
            format!("its disk has {size} GiB, and a snapshot has {LARGEST} GiB at most"),
            "publish a smaller disk",
        ));
    }
    problems.push(Problem::warning(
        format!("a snapshot of {size} GiB is billed to the account"),
        "nothing, if that is meant; `ays publication delete --remote` removes it again",
    ));
    problems
}

fn is_name(name: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "()[] ./-'@_".contains(c);
    NAME_LENGTH.contains(&name.len()) && name.chars().all(known)
}

/// The accounts that may start it too.
pub(super) fn accounts(fields: &Fields) -> impl Iterator<Item = &str> {
    let said = fields.get("shareWith").map_or("", String::as_str);
    said.split(',').map(str::trim).filter(|number| !number.is_empty())
}

/// After how many days it is deprecated.
pub(super) fn days(fields: &Fields) -> Option<u32> {
    let days = fields.get("deprecateAfter")?.parse().ok()?;
    (1..=MOST_DAYS).contains(&days).then_some(days)
}

/// The size of the disk as AWS has it: whole GiB.
pub(super) fn gibibytes(image: &ImageFacts) -> u64 {
    image.virtual_size.div_ceil(GIB).max(1)
}

/// What AWS calls the processor; none: it has no such machines. What could not be read is taken for the usual one.
pub(super) fn architecture(image: &ImageFacts) -> Option<&'static str> {
    match image.disk.architecture.as_deref() {
        None | Some("x86_64" | "amd64") => Some("x86_64"),
        Some("aarch64" | "arm64") => Some("arm64"),
        Some(_) => None,
    }
}

/// How AWS starts it; none: as is usual for the processor.
pub(super) fn boot_mode(image: &ImageFacts) -> Option<&'static str> {
    if architecture(image) == Some("arm64") {
        return Some("uefi");
    }
    match image.disk.started_by? {
        StartedBy::Bios => Some("legacy-bios"),
        StartedBy::Uefi => Some("uefi"),
        StartedBy::Both => Some("uefi-preferred"),
        StartedBy::Neither => None,
    }
}

/// Whether Linux is in it, which has the driver of AWS's network.
pub(super) fn is_linux(image: &ImageFacts) -> bool {
    !image.is_windows() && (image.disk.os.is_some() || image.category.eq_ignore_ascii_case("linux"))
}

#[cfg(test)]
pub(super) mod tests {
    use ays_catalogue::DiskFacts;
    use ays_model::Digest;

    use super::*;
    use crate::problem::Weight;

    pub fn image() -> ImageFacts {
        ImageFacts {
            name: "x".to_owned(),
            generation: 1,
            content: Digest::Sha256(ays_model::Sha256([7; 32])),
            virtual_size: 5 * GIB + 1,
            category: "Linux".to_owned(),
            disk: DiskFacts {
                os: Some("Debian GNU/Linux".to_owned()),
                architecture: Some("x86_64".to_owned()),
                started_by: Some(StartedBy::Uefi),
                ..DiskFacts::default()
            },
        }
    }

    pub fn fields(more: &[(&str, &str)]) -> Fields {
        let said = [("region", "eu-central-1"), ("displayName", "x-1")];
        said.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn errors(image: &ImageFacts, more: &[(&str, &str)]) -> Vec<String> {
        let all = check(image, &fields(more)).into_iter();
        all.filter(|problem| problem.weight == Weight::Error).map(|problem| problem.problem).collect()
    }

    #[test]
    fn what_it_costs_is_said() {
        let problems = check(&image(), &fields(&[]));
        let said: Vec<_> =
            problems.iter().map(|problem| (problem.weight, problem.problem.as_str())).collect();
        assert_eq!(said, [(Weight::Warning, "a snapshot of 6 GiB is billed to the account")]);
    }

    #[test]
    fn names_have_rules() {
        let long = "n".repeat(128);
        for name in ["x-1", "Debian (12) [a]/b.c_d'e@f", &long] {
            assert_eq!(errors(&image(), &[("displayName", name)]), [""; 0], "{name}");
        }
        let longer = "n".repeat(129);
        for name in ["", "ab", "a:b", "grün", "a+b", &longer] {
            assert_eq!(
                errors(&image(), &[("displayName", name)]),
                [format!("`{name}` is no name of an image")]
            );
        }
    }

    #[test]
    fn what_aws_does_not_take_is_refused() {
        let windows = ImageFacts { category: "Windows".to_owned(), ..image() };
        assert!(errors(&windows, &[])[0].contains("only by ImportImage"), "{:?}", errors(&windows, &[]));
        let mut other = image();
        other.disk.architecture = Some("riscv64".to_owned());
        other.virtual_size = (65_536 * GIB) + 1;
        let more = [("region", "Paris"), ("shareWith", "123456789012, 12"), ("deprecateAfter", "0")];
        assert_eq!(
            errors(&other, &more),
            [
                "`Paris` is no region",
                "`12` is no account's number",
                "`0` is no number of days",
                "its system is for riscv64, and AWS has no such machines",
                "its disk has 65537 GiB, and a snapshot has 65536 GiB at most",
            ]
        );
    }

    #[test]
    fn it_is_started_as_its_disk_is() {
        let mode = |architecture: &str, started_by| {
            let mut image = image();
            image.disk.architecture = Some(architecture.to_owned());
            image.disk.started_by = started_by;
            boot_mode(&image)
        };
        assert_eq!(mode("x86_64", Some(StartedBy::Bios)), Some("legacy-bios"));
        assert_eq!(mode("x86_64", Some(StartedBy::Uefi)), Some("uefi"));
        assert_eq!(mode("x86_64", Some(StartedBy::Both)), Some("uefi-preferred"));
        assert_eq!(mode("x86_64", None), None);
        assert_eq!(mode("aarch64", Some(StartedBy::Both)), Some("uefi"));
    }
}
