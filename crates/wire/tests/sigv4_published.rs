//! The examples that AWS published: the signing documentation's and the Signature V4 test suite's.
//! Left out are requests with a session token, for there are none here, and the one with a folded
//! header value, which the suite joins with commas and which RFC 9112 (section 5.2) forbids.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

use jiff::Timestamp;
use linkway_wire::sigv4::{
    Credentials, HeaderList, Policy, RequestParts, SignRequest, SigningKey, parse, sign, verify,
};

const CREDENTIALS: Credentials<'_> = Credentials {
    access_key_id: "AKIDEXAMPLE",
    secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const FORM_UTF8: (&str, &str) =
    ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
const UNRESERVED: &str = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Request line without the version, headers beside `Host` and `X-Amz-Date`, body, signature.
type Example<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

fn check(host: &str, service: &str, (request, extra, body, signature): Example<'_>) {
    let (method, target) = request.split_once(' ').unwrap();
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let now: Timestamp = "2015-08-30T12:36:00Z".parse().unwrap();
    let mut headers = vec![("Host", host)];
    headers.extend(extra);
    let body = body.as_bytes();

    let to_sign = SignRequest { method, path, query, headers: &headers, body };
    let added = sign(&to_sign, CREDENTIALS, "us-east-1", service, now).unwrap();
    let [("x-amz-date", date), ("authorization", authorization)] = &added else {
        panic!("{added:?}");
    };
    assert_eq!(date, "20150830T123600Z", "{request}");
    let signed = authorization.split_once("Signature=").map(|(_, signature)| signature);
    assert_eq!(signed, Some(signature), "{request}");

    headers.extend(added.iter().map(|(name, value)| (*name, value.as_str())));
    let parts = RequestParts { method, path, query, headers: &HeaderList(&headers), body };
    let mut policy = Policy::new("us-east-1");
    policy.services = vec![service.to_owned()];
    let claim = parse(&parts, now, &policy).unwrap();
    let key = SigningKey::derive(CREDENTIALS.secret_access_key, claim.scope());
    assert_eq!(verify(&claim, &key), Ok(()), "{request}");
}

#[test]
fn documentation_example_is_signed_and_accepted() {
    check(
        "iam.amazonaws.com",
        "iam",
        (
            "GET /?Action=ListUsers&Version=2010-05-08",
            &[FORM_UTF8],
            "",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    );
}

#[test]
fn test_suite_is_signed_and_accepted() {
    let vanilla = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let unreserved_path = format!("GET /{UNRESERVED}");
    let unreserved_query = format!("GET /?{UNRESERVED}={UNRESERVED}");
    let suite: [Example<'_>; 27] = [
        ("GET /", &[], "", vanilla),
        ("GET //", &[], "", vanilla),
        ("GET /./", &[], "", vanilla),
        ("GET /example/..", &[], "", vanilla),
        ("GET /example1/example2/../..", &[], "", vanilla),
        (
            "GET //example//",
            &[],
            "",
            "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        ),
        (
            "GET /./example",
            &[],
            "",
            "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
        ),
        (
            "GET /example space/",
            &[],
            "",
            "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
        ),
        (
            "GET /\u{1234}",
            &[],
            "",
            "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
        ),
        (
            &unreserved_path,
            &[],
            "",
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        (
            &unreserved_query,
            &[],
            "",
            "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        ),
        (
            "GET /?Param1=value1",
            &[],
            "",
            "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
        ),
        (
            "GET /?Param1=value2&Param1=Value1",
            &[],
            "",
            "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1",
        ),
        (
            "GET /?Param1=value2&Param1=value1",
            &[],
            "",
            "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        ),
        (
            "GET /?Param2=value2&Param1=value1",
            &[],
            "",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "GET /?\u{1234}=bar",
            &[],
            "",
            "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        ),
        (
            "GET /",
            &[("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")],
            "",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        (
            "GET /",
            &[
                ("My-Header1", "value4"),
                ("My-Header1", "value1"),
                ("My-Header1", "value3"),
                ("My-Header1", "value2"),
            ],
            "",
            "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        ),
        (
            "GET /",
            &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")],
            "",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        ("POST /", &[], "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST /?Param1=value1",
            &[],
            "",
            "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
        ),
        (
            "POST /",
            &[("My-Header1", "value1")],
            "",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "POST /",
            &[("My-Header1", "VALUE1")],
            "",
            "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
        ),
        (
            "POST /",
            &[FORM],
            "Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
        ("GET /a/../", &[], "", vanilla),
        ("GET /..", &[], "", vanilla),
        ("GET /?", &[], "", vanilla),
    ];
    for example in suite {
        check("example.amazonaws.com", "service", example);
    }
}

/// From the first edition of the test suite, which signed `Date` (a Friday that it calls Monday).
#[test]
fn request_with_a_date_header_is_accepted() {
    let authorization = "AWS4-HMAC-SHA256 \
        Credential=AKIDEXAMPLE/20110909/us-east-1/host/aws4_request, SignedHeaders=date;host, \
        Signature=b27ccfbfa7df52a200ff74193ca6e32d4b48b8856fab7ebf1c595d0670a7e470";
    let headers = [
        ("Date", "Mon, 09 Sep 2011 23:36:00 GMT"),
        ("Host", "host.foo.com"),
        ("Authorization", authorization),
    ];
    let headers = &HeaderList(&headers);
    let parts = RequestParts { method: "GET", path: "/", query: None, headers, body: b"" };
    let mut policy = Policy::new("us-east-1");
    policy.services = vec!["host".to_owned()];
    let claim = parse(&parts, "2011-09-09T23:36:00Z".parse().unwrap(), &policy).unwrap();
    assert_eq!(claim.time().as_str(), "20110909T233600Z");
    let key = SigningKey::derive(CREDENTIALS.secret_access_key, claim.scope());
    assert_eq!(verify(&claim, &key), Ok(()));
}
