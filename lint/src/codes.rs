//! What can be found, each by its code.

use ays_model::Severity;
use serde::Serialize;

/// A kind of mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Code {
    /// Its name: what a finding carries, and `ays explain` takes.
    pub name: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it is, in a few words.
    pub summary: &'static str,
    /// Why it is a mistake.
    pub reason: &'static str,
    /// What to do about it, where a finding does not know better.
    pub cure: &'static str,
}

/// All of them, in the order of their names.
pub const CODES: [Code; 43] = [
    ACTIONS,
    ACTIONS_SYNTAX,
    CATEGORY,
    CHECKMD5,
    DEPENDENCY_CIRCLE,
    HRD_SYNTAX,
    HTTP_UNVERIFIED,
    IMAGE_SIZE,
    KEY_TWICE,
    MISSING_COMMA,
    NODE,
    NODE_PASSWORD,
    NODE_TWICE,
    NOT_REGISTERED,
    PASSWORD_IN_URL,
    PLATFORMS,
    PRIVATE_KEY,
    QUESTION,
    QUESTION_TYPE,
    REGISTER_IMAGE,
    SAME_STEM,
    SERVICE,
    SETTINGS,
    SIGNED_WITHOUT_KEYS,
    SIGNING_KEY,
    SIGNING_KEY_EXPIRED,
    SOURCE_REFUSED,
    SOURCE_SILENT,
    SOURCE_NO_IMAGE,
    STORED_KEY,
    TEMPLATE_TWICE,
    TWO_MAIN_FILES,
    UNKNOWN_CHECK,
    UNKNOWN_DEPENDENCY,
    UNKNOWN_KEY,
    UNKNOWN_FUNCTION,
    UNKNOWN_METHOD,
    UNKNOWN_PLATFORM,
    UNREADABLE,
    UNRESOLVED,
    UNVERIFIED,
    WEAK_CHECK,
    WEB_EXPORT,
];

pub(crate) const ACTIONS: Code = Code {
    name: "actions",
    severity: Severity::Error,
    summary: "a part of Python that actions do not have",
    reason: "actions.py is interpreted and never run as Python. Nearly all that Python 2 and 3 have in common is \
             interpreted; what is not, such as `exec`, `yield` and complex numbers, would end the method.",
    cure: "write it without this part of Python",
};

pub(crate) const ACTIONS_SYNTAX: Code = Code {
    name: "actions-syntax",
    severity: Severity::Error,
    summary: "an actions.py that is not Python 2",
    reason: "actions.py is read as Python 2, though never run as such.",
    cure: "correct the line; Python's own word for it is `SyntaxError`",
};

pub(crate) const CATEGORY: Code = Code {
    name: "category",
    severity: Severity::Warning,
    summary: "a category that looks like a known one",
    reason: "The category is what users find an image under: Linux, Windows, vStorage, or one of your own. \
             One that lies beside a known one puts the image where nobody looks.",
    cure: "write Linux, Windows or vStorage as these are written",
};

pub(crate) const CHECKMD5: Code = Code {
    name: "checkmd5",
    severity: Severity::Error,
    summary: "a checkmd5 that is neither true nor false",
    reason: "`checkmd5:'true'` compares what was downloaded with the MD5 in the file beside the source whose \
             name ends in .md5sum. Whoever writes another text wants something that is not done, so nothing is \
             installed.",
    cure: "write checkmd5:'true' or checkmd5:'false'",
};

pub(crate) const DEPENDENCY_CIRCLE: Code = Code {
    name: "dependency-circle",
    severity: Severity::Error,
    summary: "dependencies that lead in a circle",
    reason: "What a template depends on is installed before it. In a circle nothing can be the first.",
    cure: "take one of these dependencies away",
};

pub(crate) const HRD_SYNTAX: Code = Code {
    name: "hrd-syntax",
    severity: Severity::Error,
    summary: "an HRD file that cannot be read",
    reason: "HRD is lines of `key = value`, UTF-8. What cannot be read: text that is not UTF-8, `{{ }}` (AYS \
             ran it as Python, and nothing of a recipe is ever run here), a block of bytes without its end, a \
             dict's item without `:`.",
    cure: "correct the line; a value that holds `,`, `:` or `#` needs quotes",
};

pub(crate) const HTTP_UNVERIFIED: Code = Code {
    name: "http-unverified",
    severity: Severity::Warning,
    summary: "a download over http that nothing verifies",
    reason: "http has no protection of its own: whoever is between a node and the source can put another file \
             into its place. A checksum in the recipe, or https, prevents that; a checksum beside the source \
             comes over the same line.",
    cure: "write https in `url`, or sha256:'..' (the first word of `sha256sum FILE`)",
};

pub(crate) const IMAGE_SIZE: Code = Code {
    name: "image-size",
    severity: Severity::Warning,
    summary: "a size that is hardly meant",
    reason: "The size is the smallest disk in GB that a machine of this image may have. The documentation \
             advises at least 20 for Windows and 10 for Linux; real images need 1 to 250.",
    cure: "write the size in GB: 20 for Windows, 10 for Linux, more where the image is larger",
};

pub(crate) const KEY_TWICE: Code = Code {
    name: "key-twice",
    severity: Severity::Warning,
    summary: "a key that is given twice",
    reason: "The last one counts; what the other says is lost without a word.",
    cure: "remove one of them",
};

pub(crate) const MISSING_COMMA: Code = Code {
    name: "missing-comma",
    severity: Severity::Warning,
    summary: "a pair without a comma before it",
    reason: "The lines of a dict are joined before they are parted at their commas. A line without its comma \
             takes the next one into its value.",
    cure: "end the line above with a comma",
};

pub(crate) const NODE: Code = Code {
    name: "node",
    severity: Severity::Error,
    summary: "a node that cannot be used",
    reason: "A node's service.hrd needs `instance.ip`; a gateway, pool or sshkey that it names must be there; \
             gateways must not lead in a circle.",
    cure: "correct the key in the node's service.hrd; `ays nodes` lists the nodes that can be used",
};

pub(crate) const NODE_PASSWORD: Code = Code {
    name: "node-password",
    severity: Severity::Warning,
    summary: "the password of a node",
    reason: "Nodes are reached by key. A password in `instance.password` is never used, and all who can read \
             the repository can read it.",
    cure: "remove the key, and change the password where it is still accepted",
};

pub(crate) const NODE_TWICE: Code = Code {
    name: "node-twice",
    severity: Severity::Error,
    summary: "two nodes of one name",
    reason: "Records know nodes by their names, whatever their templates and places. Two of one name cannot \
             be told apart.",
    cure: "rename one of the directories",
};

pub(crate) const NOT_REGISTERED: Code = Code {
    name: "not-registered",
    severity: Severity::Warning,
    summary: "a recipe that names registerImage and never calls it",
    reason: "An install runs `configure` of the class `Actions`. Under another name of class or method, or \
             without the call, the file is downloaded and no image comes of it.",
    cure: "call registerImage in `def configure(self, serviceObj)` of `class Actions(ActionsBase)`",
};

pub(crate) const PASSWORD_IN_URL: Code = Code {
    name: "password-in-url",
    severity: Severity::Warning,
    summary: "a password in an address",
    reason: "All who can read the repository, now or in its history, can read it. A recipe takes it from the \
             environment's secrets instead: url:'ftp://$(secret.NAME)@HOST'.",
    cure: "keep it outside with `ays secret set NAME`, and write $(secret.NAME)",
};

pub(crate) const PLATFORMS: Code = Code {
    name: "platforms",
    severity: Severity::Error,
    summary: "platforms that are no list",
    reason: "platform.supported is a list such as 'ubuntu64', 'debian'. Empty, missing or 'generic' means \
             all.",
    cure: "write platform.supported = 'generic', or the platforms with commas between them",
};

pub(crate) const PRIVATE_KEY: Code = Code {
    name: "private-key",
    severity: Severity::Error,
    summary: "a private key in the repository",
    reason: "All who can read the repository, now or in its history, can use the key. Taking the file away \
             does not take it out of the history.",
    cure: "make a new key, let the old one be accepted nowhere, and keep keys out of the repository: ssh's \
             agent has them",
};

pub(crate) const QUESTION: Code = Code {
    name: "question",
    severity: Severity::Error,
    summary: "an @ASK that no answer, or not its own default, can answer",
    reason: "A default must be what the question itself asks for: its type, regex, minValue, maxValue and \
             dropdownvals. Without that an install stops, or asks what nobody can answer.",
    cure: "make the default one that the question takes, or change what it takes",
};

pub(crate) const QUESTION_TYPE: Code = Code {
    name: "question-type",
    severity: Severity::Warning,
    summary: "an @ASK of an unknown type",
    reason: "Types are str, string, int, float, bool, password, list, dict, multiline and dropdown. Any other \
             is taken as string, and nothing of the answer is checked; what was meant as a password is shown \
             while it is typed.",
    cure: "write one of str, int, float, bool, password, list, dict, multiline, dropdown",
};

pub(crate) const REGISTER_IMAGE: Code = Code {
    name: "register-image",
    severity: Severity::Error,
    summary: "a call of registerImage that is not understood",
    reason: "registerImage(service, name, imagename, category, size) or registerImage(service, name, \
             category, size), then username, bootType ('bios' or 'uefi'), delete and hotResize by position or \
             name. `imagename` is the file name of a web.export's `dest`, the last one's where it is left out; `size` is a \
             whole number of GB.",
    cure: "write registerImage(serviceObj, 'NAME', 'FILE', 'Linux', 10), FILE being the file name of `dest`",
};

pub(crate) const SAME_STEM: Code = Code {
    name: "same-stem",
    severity: Severity::Error,
    summary: "two recipes whose images have one file stem",
    reason: "A stored file is named after the stem of the `dest` that it was downloaded to, so the files of two \
             images would be told apart by their checksums alone. Mostly a recipe was copied, and its \
             `dest` forgotten.",
    cure: "give each recipe a `dest` with a file name of its own",
};

pub(crate) const SERVICE: Code = Code {
    name: "service",
    severity: Severity::Error,
    summary: "a process, dependency, git export or package that is not done as it is written",
    reason: "Nothing of a service is installed when one of its parts is not understood: half of a service is none.",
    cure: "correct the entry; docs/maintainers.md lists what each key takes",
};

pub(crate) const SETTINGS: Code = Code {
    name: "settings",
    severity: Severity::Error,
    summary: "an ays.toml that cannot be used",
    reason: "Every command stops at it. An unknown key is an error, so that a misspelt one is not passed \
             over.",
    cure: "correct the line; `ays config show` lists all keys",
};

pub(crate) const STORED_KEY: Code = Code {
    name: "stored-key",
    severity: Severity::Warning,
    summary: "the private key of an sshkey service",
    reason: "AYS kept the keys that it reached nodes by in the repository, and they are used. All who can \
             read the repository can use them as well.",
    cure: "let ssh's agent have the key, and leave `instance.sshkey` of the nodes empty",
};

pub(crate) const TEMPLATE_TWICE: Code = Code {
    name: "template-twice",
    severity: Severity::Error,
    summary: "two templates of one name",
    reason: "A template's name is its directory's. `ays install -n NAME` must mean one of them, so it \
             installs neither.",
    cure: "rename one of the directories",
};

pub(crate) const TWO_MAIN_FILES: Code = Code {
    name: "two-main-files",
    severity: Severity::Error,
    summary: "a template with both service.hrd and services.hrd",
    reason: "The documentation writes both names. With both there nobody can tell which one counts, so such a \
             template is not installed.",
    cure: "keep one of them",
};

pub(crate) const UNKNOWN_DEPENDENCY: Code = Code {
    name: "unknown-dependency",
    severity: Severity::Warning,
    summary: "a dependency whose name lies beside that of a template",
    reason: "A dependency names a template. One that is in another repository has another `domain`.",
    cure: "write the template's name, or the `domain` that it is from",
};

pub(crate) const UNKNOWN_CHECK: Code = Code {
    name: "unknown-check",
    severity: Severity::Error,
    summary: "a key that looks like a check of a download, and is none",
    reason: "A download is never verified less than its recipe asks. A key such as `checksum` or `sha512sum` asks \
             for something that is not done, so nothing is installed.",
    cure: "write sha256:'..' (md5, sha1, sha384 and sha512 are known too), sums:'SHA256SUMS' for a list beside the \
             file, or checkmd5:'true' for FILE.md5sum",
};

pub(crate) const UNKNOWN_KEY: Code = Code {
    name: "unknown-key",
    severity: Severity::Warning,
    summary: "a key that looks like one that there is",
    reason: "A key that ays does not know is a value of the recipe's own, for `$(..)`. One that nothing \
             refers to, and that lies a letter or two beside a known key, is most likely that key, misspelt: \
             it does nothing.",
    cure: "write the key as it is meant; a key of your own is told from a misspelt one by a `$(key)` that \
             uses it",
};

pub(crate) const UNKNOWN_FUNCTION: Code = Code {
    name: "unknown-function",
    severity: Severity::Error,
    summary: "a function that a recipe cannot call",
    reason: "A recipe reaches its node, services and values through named functions only, and nothing reaches the \
             controller. `ays actions functions` lists them all. A call of another one would end the method.",
    cure: "call a function of the list, or run a command on the node with `j.do.execute`",
};

pub(crate) const UNKNOWN_METHOD: Code = Code {
    name: "unknown-method",
    severity: Severity::Warning,
    summary: "a method that looks like one that an install runs",
    reason: "Methods are found by their names, capitals included. A method of another name is only run when \
             the recipe itself calls it.",
    cure: "write the method's name as it is meant",
};

pub(crate) const UNKNOWN_PLATFORM: Code = Code {
    name: "unknown-platform",
    severity: Severity::Warning,
    summary: "a platform that no node has",
    reason: "A node has the platform that its os-release names, with and without the width of its processor \
             (ubuntu64, ubuntu), and those above it: linux64, linux, unix, generic. A recipe for none of \
             these is installed nowhere.",
    cure: "write the name as nodes have it: generic, linux64, ubuntu64, debian ..",
};

pub(crate) const UNREADABLE: Code = Code {
    name: "unreadable",
    severity: Severity::Error,
    summary: "a file that cannot be opened",
    reason: "What cannot be read cannot be installed.",
    cure: "see who may read the file, and whether it is a link that leads nowhere",
};

pub(crate) const UNRESOLVED: Code = Code {
    name: "unresolved",
    severity: Severity::Error,
    summary: "a $(key) without a value in actions.py",
    reason: "Each `$(key)` is replaced before actions.py is read: by the value of service.hrd, of \
             instance.hrd, of [values] in ays.toml. One that has none stays as it is written, and becomes a \
             part of an image's name.",
    cure: "give the key a value there, or correct its name",
};

pub(crate) const SIGNED_WITHOUT_KEYS: Code = Code {
    name: "signed-without-keys",
    severity: Severity::Error,
    summary: "a signature, and no key that could have made it",
    reason: "`signed` asks for a signature by one of the keys in the environment's directory keys/: OpenPGP as \
             NAME.asc, minisign as NAME.pub. Without one nothing is installed.",
    cure: "put the key of whoever signs into keys/, after its fingerprint was compared with what they publish",
};

pub(crate) const SIGNING_KEY: Code = Code {
    name: "signing-key",
    severity: Severity::Error,
    summary: "a file in keys/ that gives no key",
    reason: "The files keys/*.asc are public keys of OpenPGP in ASCII armor, keys/*.pub those of minisign. While one of \
             them is neither, no recipe with `signed` is installed, since that one may be the key it needs.",
    cure: "put the key there again (`gpg --armor --export FINGERPRINT > keys/NAME.asc`), or remove the file",
};

pub(crate) const SIGNING_KEY_EXPIRED: Code = Code {
    name: "signing-key-expired",
    severity: Severity::Warning,
    summary: "a key in keys/ that has expired or is revoked",
    reason: "What such a key has signed is refused, also what it signed before: whoever has the key now can date a \
             signature back. (gpgv says EXPKEYSIG there, and apt refuses it as well.)",
    cure: "get the renewed key from whoever publishes the image, and put it into keys/ in the old one's place",
};

pub(crate) const SOURCE_REFUSED: Code = Code {
    name: "source-refused",
    severity: Severity::Error,
    summary: "a source that refuses, or whose checksum cannot be had (--online)",
    reason: "The source was asked from this machine, as an install asks it, and said that there is no such file, that \
             the login is not one of its own, or that the list of checksums has no line for the file.",
    cure: "correct `url` and `source`, the login, or the check",
};

pub(crate) const SOURCE_NO_IMAGE: Code = Code {
    name: "source-no-image",
    severity: Severity::Error,
    summary: "a source whose first bytes are of no disk image (--online)",
    reason: "The first bytes of the source were read from this machine, and unpacked where it is packed. What they are \
             cannot be registered: a web page, an archive without a disk, an image that needs another file.",
    cure: "correct `url` and `source`, or name the disk of an archive by `member`",
};

pub(crate) const SOURCE_SILENT: Code = Code {
    name: "source-silent",
    severity: Severity::Warning,
    summary: "a source that does not answer (--online)",
    reason: "The source was asked from this machine and did not answer. It may be reached from the nodes all the same.",
    cure: "try again; see whether the host's name and port are right, and whether a proxy is needed ([fetch] in ays.toml)",
};

pub(crate) const UNVERIFIED: Code = Code {
    name: "unverified",
    severity: Severity::Warning,
    summary: "a download that nothing verifies",
    reason: "Without a check a download that was damaged, or replaced at its source, becomes the image of \
             every machine. Such an image is shown as unverified.",
    cure: "write sha256:'..' (the first word of `sha256sum FILE`), sums:'SHA256SUMS' where the source has \
             such a list beside the file, or checkmd5:'true' where it has FILE.md5sum",
};

pub(crate) const WEAK_CHECK: Code = Code {
    name: "weak-check",
    severity: Severity::Warning,
    summary: "a download that a weak checksum verifies",
    reason: "Two files that have the same MD5, or the same SHA-1, can be made. Such a checksum finds damage, and not \
             somebody who makes the image and means harm.",
    cure: "write sha256:'..' (the first word of `sha256sum FILE`)",
};

pub(crate) const WEB_EXPORT: Code = Code {
    name: "web-export",
    severity: Severity::Error,
    summary: "a web.export that cannot be fetched",
    reason: "`url` + `/` + `source` is fetched to `dest`: `url` with http, https, ftp, ftps, ftpes, oci or file, `dest` the \
             absolute path of a file (not of a directory), `sha256` 64 hexadecimal digits. Each `$(key)` in \
             it needs a value: from the file itself, instance.hrd, or [values] in ays.toml.",
    cure: "write url:'https://HOST', source:'/PATH/FILE', dest:'/opt/jumpscale7/var/tmp/templates/FILE', \
             each with its comma",
};
