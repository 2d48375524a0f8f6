//! How a service of AWS is asked in a region, and what its refusals say.

use jiff::Timestamp;
use reqwest::{Client, Method, RequestBuilder};
use url::{Url, form_urlencoded};

use super::sign::{Keys, Scope, Unsigned, sha256, sign};
use crate::account::Account;
use crate::error::TargetError;
use crate::http::{Answer, CallError, Http};

/// The version of EC2's interface.
const EC2_VERSION: &str = "2016-11-15";

/// The version of STS's.
const STS_VERSION: &str = "2011-06-15";

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// The blocks of snapshots.
    Ebs,
    /// Images and snapshots.
    Ec2,
    /// Who asks.
    Sts,
}

impl Service {
    pub fn name(self) -> &'static str {
        match self {
            Self::Ebs => "ebs",
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
        }
    }
}

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) struct NotDone {
    /// What AWS calls it; empty: it said nothing.
    pub code: String,
    pub error: CallError,
}

impl From<NotDone> for TargetError {
    fn from(not_done: NotDone) -> Self {
        not_done.error.into()
    }
}

impl From<CallError> for NotDone {
    fn from(error: CallError) -> Self {
        Self { code: String::new(), error }
    }
}

impl NotDone {
    /// Whether the account lacks a right.
    pub fn is_forbidden(&self) -> bool {
        matches!(self.code.as_str(), "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException")
    }

    /// Whether the same call may get another answer later. EBS says with 400 that it is asked too often.
    pub fn may_pass(&self) -> bool {
        let is_too_often = self.code.contains("Throttl") || self.code == "RequestLimitExceeded";
        is_too_often
            || match &self.error {
                CallError::NoAnswer { .. } | CallError::Stalled { .. } => true,
                CallError::Refused { status, .. } => *status >= 500 || matches!(status, 408 | 429),
                CallError::Answer { .. } => false,
            }
    }
}

/// The parameters of an action.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn of(pairs: &[(&str, &str)]) -> Self {
        let mut parameters = Self::default();
        for (key, value) in pairs {
            parameters.add(*key, *value);
        }
        parameters
    }

    pub fn add(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.0.push((key.into(), value.into()));
    }

    /// The value of a parameter.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str())
    }
}

/// A request to the blocks of snapshots.
pub(super) struct BlockRequest<'a> {
    pub method: Method,
    pub path: String,
    /// Their names are in small letters.
    pub headers: &'a [(&'static str, String)],
    pub body: bytes::Bytes,
}

/// AWS in a region, for an account.
#[derive(Debug, Clone)]
pub(super) struct Region {
    pub name: String,
    http: Http,
    account: Account,
    keys: Keys,
}

impl Region {
    /// A region by its name.
    ///
    /// # Errors
    ///
    /// It can be no name of one: the name becomes a part of addresses.
    pub fn new(http: &Http, account: &Account, keys: &Keys, name: &str) -> Result<Self, TargetError> {
        if !is_region(name) {
            return Err(TargetError::NotOne(format!("`{name}` is no region of AWS")));
        }
        Ok(Self { name: name.to_owned(), http: http.clone(), account: account.clone(), keys: keys.clone() })
    }

    /// Does an action of EC2 or STS, again where that may help. The answer is XML.
    pub async fn query(
        &self,
        service: Service,
        doing: &'static str,
        action: &str,
        parameters: &Parameters,
    ) -> Result<Answer, NotDone> {
        let (url, body) = self.form(service, doing, action, parameters)?;
        let answer = self.http.ask(doing, |client| self.post(client, service, &url, &body)).await?;
        self.well(service, action, answer)
    }

    /// The same, once: for what is not the same when it is done twice.
    pub async fn query_once(
        &self,
        service: Service,
        doing: &'static str,
        action: &str,
        parameters: &Parameters,
    ) -> Result<Answer, NotDone> {
        let (url, body) = self.form(service, doing, action, parameters)?;
        let request = self.post(self.http.client(), service, &url, &body);
        let answer = self.http.ask_once(doing, request).await?;
        self.well(service, action, answer)
    }

    /// Makes one request to the blocks of snapshots, for an action of this name.
    pub async fn blocks_once(
        &self,
        doing: &'static str,
        action: &str,
        request: &BlockRequest<'_>,
        limit: std::time::Duration,
    ) -> Result<Answer, NotDone> {
        let url = self.address(Service::Ebs, doing, &request.path)?;
        let method = request.method.as_str();
        let sum = sha256(&request.body);
        // The service reads it before the body, which it does not keep until its end.
        let headers = [request.headers, &[("x-amz-content-sha256", sum.clone())]].concat();
        let unsigned = Unsigned { method, url: &url, headers: &headers, body: &sum };
        let made = self.http.client().request(request.method.clone(), url.clone());
        let made = self.signed(made, Service::Ebs, &unsigned).body(request.body.clone()).timeout(limit);
        let answer = self.http.ask_once(doing, made).await?;
        self.well(Service::Ebs, action, answer)
    }

    fn form(
        &self,
        service: Service,
        doing: &'static str,
        action: &str,
        parameters: &Parameters,
    ) -> Result<(Url, String), CallError> {
        let version = if service == Service::Sts { STS_VERSION } else { EC2_VERSION };
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", version).extend_pairs(&parameters.0);
        Ok((self.address(service, doing, "/")?, form.finish()))
    }

    fn post(&self, client: &Client, service: Service, url: &Url, body: &str) -> RequestBuilder {
        let headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8".to_owned())];
        let sum = sha256(body.as_bytes());
        let unsigned = Unsigned { method: "POST", url, headers: &headers, body: &sum };
        self.signed(client.post(url.clone()), service, &unsigned).body(body.to_owned())
    }

    fn signed(&self, made: RequestBuilder, service: Service, request: &Unsigned<'_>) -> RequestBuilder {
        let scope = Scope { region: &self.name, service: service.name() };
        // Every try has a signature of its own: an old one is refused.
        let signature = sign(&self.keys, scope, request, Timestamp::now());
        let made = request.headers.iter().fold(made, |made, (name, value)| made.header(*name, value));
        signature.into_iter().fold(made, |made, (name, value)| made.header(name, value))
    }

    fn address(&self, service: Service, doing: &'static str, path: &str) -> Result<Url, CallError> {
        let base = match self.account.text("endpointUrl") {
            Some(endpoint) => endpoint.trim_end_matches('/').to_owned(),
            None => amazons(service, &self.name),
        };
        let wrong = |address: String| CallError::Answer { doing, address, what: "no address".to_owned() };
        Url::parse(&format!("{base}{path}")).map_err(|_| wrong(base))
    }

    fn well(&self, service: Service, action: &str, answer: Answer) -> Result<Answer, NotDone> {
        if answer.status.is_success() {
            return Ok(answer);
        }
        let Some((code, message)) = refusal(&answer) else {
            return Err(self.http.refused(&answer).into());
        };
        let mut not_done = NotDone::from(CallError::Refused {
            doing: answer.doing,
            address: answer.address.clone(),
            status: answer.status.as_u16(),
            said: String::new(),
        });
        not_done.code = code;
        let right = match not_done.is_forbidden() {
            true => format!("the right {} is missing: ", right(service, action)),
            false => String::new(),
        };
        let text = self.account.hide(&plain(&format!("{}: {right}{message}", not_done.code)));
        if let CallError::Refused { said, .. } = &mut not_done.error {
            *said = text;
        }
        Err(not_done)
    }
}

/// What a right is called in a policy.
fn right(service: Service, action: &str) -> String {
    format!("{}:{action}", service.name())
}

/// Amazon's address of a service in a region.
fn amazons(service: Service, region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{}.{region}.{domain}", service.name())
}

/// Whether it may be the name of a region.
pub(super) fn is_region(name: &str) -> bool {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&name.len())
        && name.chars().all(known)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

/// The code and the message of a refusal: XML of EC2 and STS, JSON of EBS.
fn refusal(answer: &Answer) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(&answer.body);
    if let Ok(xml) = roxmltree::Document::parse(&text) {
        // STS has a namespace, EC2 has none.
        let of = |name: &str| xml.descendants().find(|node| node.tag_name().name() == name)?.text();
        return Some((of("Code")?.to_owned(), of("Message").unwrap_or_default().to_owned()));
    }
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let of = |key: &str| json.get(key).and_then(serde_json::Value::as_str);
    let header = answer.headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    // `com.amazonaws.ebs#ValidationException`, or `ValidationException:http://..`.
    let code = header.or_else(|| of("__type")).or_else(|| of("code"))?;
    let code = code.rsplit('#').next().unwrap_or(code);
    let code = code.split(':').next().unwrap_or(code);
    let message = of("message").or_else(|| of("Message")).unwrap_or_default();
    Some((code.to_owned(), message.to_owned()))
}

/// The most characters of what is said of a refusal: AWS adds an encoded message of thousands to some.
const MOST_SAID: usize = 1_000;

fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|c| !c.is_control()).take(MOST_SAID).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use reqwest::StatusCode;
    use reqwest::header::HeaderMap;
    use secrecy::SecretString;

    use super::*;
    use crate::fields::TargetType;

    fn region() -> Region {
        let values = [
            ("accountNumber", "123456789012"),
            ("accessKeyId", "AKIDEXAMPLE"),
            ("secretAccessKeyId", "very-secret"),
        ];
        let values: BTreeMap<_, _> =
            values.map(|(key, value)| (key.to_owned(), SecretString::from(value))).into();
        let account = Account::new("a".to_owned(), TargetType::Aws, values).unwrap();
        let keys = Keys { id: "AKIDEXAMPLE".to_owned(), secret: "very-secret".into(), token: None };
        Region::new(&Http::new(&account).unwrap(), &account, &keys, "eu-central-1").unwrap()
    }

    fn refused(service: Service, action: &str, status: u16, kind: &str, body: &str) -> (String, String) {
        let mut headers = HeaderMap::new();
        if !kind.is_empty() {
            headers.insert("x-amzn-errortype", kind.parse().unwrap());
        }
        let answer = Answer {
            doing: "registering the image",
            address: "https://ec2.eu-central-1.amazonaws.com".to_owned(),
            status: StatusCode::from_u16(status).unwrap(),
            headers,
            body: body.as_bytes().to_vec(),
        };
        let not_done = region().well(service, action, answer).unwrap_err();
        (not_done.code, not_done.error.to_string())
    }

    #[test]
    fn a_refusal_says_its_code_and_which_right_is_missing() {
        let body = "<?xml version='1.0' encoding='UTF-8'?><Response><Errors><Error><Code>UnauthorizedOperation</Code>\
                    <Message>You are not authorized to perform this operation, very-secret.</Message></Error></Errors>\
                    <RequestID>1</RequestID></Response>";
        assert_eq!(
            refused(Service::Ec2, "RegisterImage", 403, "", body),
            (
                "UnauthorizedOperation".to_owned(),
                "registering the image: https://ec2.eu-central-1.amazonaws.com answered 403: UnauthorizedOperation: the \
                 right ec2:RegisterImage is missing: You are not authorized to perform this operation, ***."
                    .to_owned()
            )
        );
        let body = "<ErrorResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><Error><Type>Sender</Type>\
                    <Code>InvalidClientTokenId</Code><Message>The security token is invalid.</Message></Error></ErrorResponse>";
        assert_eq!(
            refused(Service::Sts, "GetCallerIdentity", 403, "", body),
            (
                "InvalidClientTokenId".to_owned(),
                "registering the image: https://ec2.eu-central-1.amazonaws.com answered 403: InvalidClientTokenId: The \
                 security token is invalid."
                    .to_owned()
            )
        );
        let json = r#"{"Message": "too many", "RequestId": "1"}"#;
        let (code, text) =
            refused(Service::Ebs, "PutSnapshotBlock", 400, "RequestThrottledException:http://x/", json);
        assert_eq!(code, "RequestThrottledException");
        assert!(text.ends_with("answered 400: RequestThrottledException: too many"), "{text}");
    }

    #[test]
    fn what_is_asked_too_often_passes() {
        let refused = |code: &str, status| NotDone {
            code: code.to_owned(),
            error: CallError::Refused { doing: "", address: String::new(), status, said: String::new() },
        };
        assert!(refused("RequestThrottledException", 400).may_pass());
        assert!(refused("", 503).may_pass());
        assert!(!refused("ValidationException", 400).may_pass());
        assert!(!refused("UnauthorizedOperation", 403).may_pass());
    }

    #[test]
    fn a_region_is_a_part_of_an_address() {
        for name in ["us-east-1", "us-gov-west-1", "ap-southeast-7"] {
            assert!(is_region(name), "{name}");
        }
        for name in ["", "EU", "a.evil.example/", "-x", "x-"] {
            assert!(!is_region(name), "{name}");
        }
        assert_eq!(amazons(Service::Ebs, "eu-west-1"), "https://ebs.eu-west-1.amazonaws.com");
        assert_eq!(amazons(Service::Ec2, "cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn");
    }
}
