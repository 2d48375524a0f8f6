//! How AWS knows who asks: Signature Version 4, of a request's headers and body. It is written here because the crate for it
//! brings half of the SDK's runtime along.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::http::sensitive;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// An access key.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    pub id: String,
    pub secret: SecretString,
    /// Of keys that last for a while.
    pub token: Option<SecretString>,
}

/// Whom a request is for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub region: &'a str,
    pub service: &'a str,
}

/// A request that is to be signed. Its path must need no escapes: AWS escapes a path twice, and no path here needs that.
pub(super) struct Unsigned<'a> {
    pub method: &'a str,
    pub url: &'a Url,
    /// The headers that are signed besides `host`; their names are in small letters.
    pub headers: &'a [(&'static str, String)],
    /// The SHA-256 of the body, hexadecimal.
    pub body: &'a str,
}

/// The headers that a signed request has besides its own.
pub(super) fn sign(
    keys: &Keys,
    scope: Scope<'_>,
    request: &Unsigned<'_>,
    now: Timestamp,
) -> Vec<(&'static str, HeaderValue)> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = now.strftime("%Y%m%d").to_string();
    let mut signed: Vec<(&str, &str)> =
        request.headers.iter().map(|(name, value)| (*name, value.trim())).collect();
    let host = host(request.url);
    signed.push(("host", &host));
    signed.push(("x-amz-date", &time));
    if let Some(token) = &keys.token {
        signed.push(("x-amz-security-token", token.expose_secret()));
    }
    signed.sort_unstable();
    let names = signed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = signed.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let (path, query) = (request.url.path(), query(request.url));
    let canonical = format!("{}\n{path}\n{query}\n{lines}\n{names}\n{}", request.method, request.body);
    let within = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let digest = sha256(canonical.as_bytes());
    let text = format!("{ALGORITHM}\n{time}\n{within}\n{digest}");
    let first = SecretString::from(format!("AWS4{}", keys.secret.expose_secret()));
    let mut key = mac(first.expose_secret().as_bytes(), &day);
    for part in [scope.region, scope.service, "aws4_request", &text] {
        key = mac(&key, part);
    }
    let (id, signature) = (&keys.id, hex::encode(key));
    let authorization =
        format!("{ALGORITHM} Credential={id}/{within}, SignedHeaders={names}, Signature={signature}");
    let mut headers = vec![("x-amz-date", time), ("authorization", authorization)];
    if let Some(token) = &keys.token {
        headers.push(("x-amz-security-token", token.expose_secret().to_owned()));
    }
    // A key with a byte that no header holds is no key: AWS refuses the request that lacks it.
    headers.into_iter().filter_map(|(name, value)| Some((name, sensitive(&value)?))).collect()
}

/// The SHA-256 of a body, hexadecimal.
pub(super) fn sha256(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

/// As the request's own header says it: without the port that is understood.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The parameters in their order, escaped as AWS does.
fn query(url: &Url) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    let escape = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let mut parts: Vec<_> = url.query_pairs().map(|(key, value)| (escape(&key), escape(&value))).collect();
    parts.sort_unstable();
    parts.into_iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a request of AWS's own test suite for this kind of signature.
    fn authorization(
        token: Option<&str>,
        method: &str,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> String {
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
            token: token.map(SecretString::from),
        };
        let scope = Scope { region: "us-east-1", service: "service" };
        let url = Url::parse(url).unwrap();
        let body = sha256(body.as_bytes());
        let request = Unsigned { method, url: &url, headers, body: &body };
        let signed = sign(&keys, scope, &request, "2015-08-30T12:36:00Z".parse().unwrap());
        let of = |name: &str| signed.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        assert_eq!(of("x-amz-date").unwrap(), "20150830T123600Z");
        assert_eq!(
            of("x-amz-security-token").map(|value| value.to_str().unwrap().to_owned()).as_deref(),
            token
        );
        let value = of("authorization").unwrap();
        assert!(value.is_sensitive());
        value.to_str().unwrap().to_owned()
    }

    fn expected(headers: &str, signature: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders={headers}, Signature={signature}"
        )
    }

    #[test]
    fn the_vectors_of_aws_are_signed_so() {
        let root = "https://example.amazonaws.com/";
        let cases = [
            ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
            ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
            (
                "GET",
                "?Param2=value2&Param1=value1",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            ("GET", "?Param1=value1", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
        ];
        for (method, query, signature) in cases {
            let signed = authorization(None, method, &format!("{root}{query}"), &[], "");
            assert_eq!(signed, expected("host;x-amz-date", signature), "{method} {query}");
        }
        let form = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        assert_eq!(
            authorization(None, "POST", root, &form, "Param1=value1"),
            expected(
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
            )
        );
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqT\
                     flfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9\
                     HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYv\
                     KTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        assert_eq!(
            authorization(Some(token), "POST", root, &[], ""),
            expected(
                "host;x-amz-date;x-amz-security-token",
                "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"
            )
        );
    }

    #[test]
    fn a_port_that_is_not_understood_is_signed() {
        let host_of = |url: &str| host(&Url::parse(url).unwrap());
        assert_eq!(host_of("http://10.0.0.1:5000/x"), "10.0.0.1:5000");
        assert_eq!(host_of("https://ec2.eu-central-1.amazonaws.com:443/"), "ec2.eu-central-1.amazonaws.com");
    }
}
