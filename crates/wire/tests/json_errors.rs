//! What a caller is told about a body that is not a request: the exact texts.

#![allow(clippy::unwrap_used, reason = "a test, its helpers included")]

use linkway_wire::error::{Code, WireError};
use linkway_wire::generated::{
    AllocatePrivateVirtualInterfaceRequest, AssociateMacSecKeyRequest, DescribeLocationsRequest,
};
use linkway_wire::json::decode;
use linkway_wire::operation::{Target, TargetError};
use linkway_wire::validate::{Validate, quoted};

/// Decodes and validates an AllocatePrivateVirtualInterface.
fn answer(body: &[u8]) -> Result<(), WireError> {
    let request: AllocatePrivateVirtualInterfaceRequest = decode(body)?;
    Ok(request.validate()?)
}

fn check(code: Code, cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        let error = answer(body.as_bytes()).expect_err(body);
        assert_eq!((error.code, error.message.as_str()), (code, *expected), "{body}");
    }
}

#[test]
fn not_json() {
    let text = |problem: &str| format!("The request body is not valid JSON: {problem}");
    let cases = [
        ("{", "it ends in the middle of an object (line 1 column 1)"),
        (r#"{"connectionId""#, "it ends in the middle of an object (line 1 column 15)"),
        (r#"{"connectionId":"#, "it ends in the middle of a value (line 1 column 16)"),
        (r#"{"connectionId":"dxcon-1"#, "it ends in the middle of a string (line 1 column 24)"),
        (
            r#"{"newPrivateVirtualInterfaceAllocation":{"tags":["#,
            "it ends in the middle of a list (line 1 column 49)",
        ),
        ("{\"connectionId\":\n\"a\",}", "nothing follows a comma (line 2 column 5)"),
        (r#"{"connectionId":'a'}"#, "a value is expected here (line 1 column 17)"),
        (r#"{connectionId:"a"}"#, "the name of a member must be a string (line 1 column 2)"),
        (r#"{"connectionId" "a"}"#, "expected `:` (line 1 column 17)"),
        (r#"{"connectionId":"a" "ownerAccount":1}"#, "expected `,` or `}` (line 1 column 21)"),
        (r#"{"connectionId":"a"}}"#, "something follows the object (line 1 column 21)"),
        ("{}{}", "something follows the object (line 1 column 3)"),
        (r#"{"connectionId":"\x"}"#, "invalid escape (line 1 column 19)"),
        (r#"{"connectionId":"\ud800"}"#, "unexpected end of hex escape (line 1 column 24)"),
        (r#"{"ownerAccount":1e999}"#, "a number is out of range (line 1 column 21)"),
        ("connectionId=dxcon-1", "a value is expected here (line 1 column 1)"),
        ("\u{feff}{}", "a value is expected here (line 1 column 1)"),
        (" ", "it ends in the middle of a value (line 1 column 1)"),
    ];
    for (body, problem) in cases {
        check(Code::SerializationException, &[(body, &text(problem))]);
    }
}

#[test]
fn not_utf8() {
    let error = answer(b"{\"connectionId\":\"\xff\"}").unwrap_err();
    assert_eq!(error.code, Code::SerializationException);
    assert_eq!(error.message, "The request body is not valid UTF-8 (at byte 17)");
}

#[test]
fn not_an_object() {
    let cases = [
        ("[]", "The request body must be a JSON object, found a list"),
        (r#"["dxcon-1"]"#, "The request body must be a JSON object, found a list"),
        ("null", "The request body must be a JSON object, found null"),
        ("true", "The request body must be a JSON object, found true"),
        ("17", "The request body must be a JSON object, found the number 17"),
        (r#""authKey=secret""#, "The request body must be a JSON object, found a string"),
    ];
    check(Code::SerializationException, &cases);
}

#[test]
fn wrong_types() {
    let allocation =
        |member: &str| format!(r#"{{"newPrivateVirtualInterfaceAllocation":{{{member}}}}}"#);
    let cases = [
        (r#""vlan":"abc""#, "vlan: expected an integer, found the string \"abc\""),
        (r#""vlan":101.0"#, "vlan: expected an integer, found the number 101.0"),
        (r#""vlan":1e2"#, "vlan: expected an integer, found the number 100.0"),
        (r#""vlan":true"#, "vlan: expected an integer, found true"),
        (r#""vlan":[101]"#, "vlan: expected an integer, found a list"),
        (r#""vlan":{"id":101}"#, "vlan: expected an integer, found an object"),
        (
            r#""asnLong":9223372036854775808"#,
            "asnLong: expected an integer from -9223372036854775808 to 9223372036854775807, \
             found the number 9223372036854775808",
        ),
        (r#""asn":100000000000000000000"#, "asn: expected an integer, found the number 1e+20"),
        (
            r#""virtualInterfaceName":5"#,
            "virtualInterfaceName: expected a string, found the number 5",
        ),
        (r#""addressFamily":4"#, "addressFamily: expected a string, found the number 4"),
        (r#""tags":{"key":"a"}"#, "tags: expected a list, found an object"),
        (r#""tags":["a=b"]"#, "tags[0]: expected an object, found a string"),
        (r#""tags":[{},null]"#, "tags[1]: expected an object, found null"),
        (r#""tags":[{},["a","b"]]"#, "tags[1]: expected an object, found a list"),
        (r#""tags":[{},{},{"key":1}]"#, "tags[2].key: expected a string, found the number 1"),
        (r#""vlan":1,"vlan":2"#, "vlan: is given more than once"),
        (r#""vlan":null,"vlan":null"#, "vlan: is given more than once"),
        (
            r#""vlan":", expected i8""#,
            "vlan: expected an integer, found the string \", expected i8\"",
        ),
    ];
    for (member, expected) in cases {
        let expected = format!("newPrivateVirtualInterfaceAllocation.{expected}");
        check(Code::SerializationException, &[(&allocation(member), &expected)]);
    }
    let cases = [
        (
            r#"{"newPrivateVirtualInterfaceAllocation":["a"]}"#,
            "newPrivateVirtualInterfaceAllocation: expected an object, found a list",
        ),
        (
            r#"{"newPrivateVirtualInterfaceAllocation":"vlan=1,authKey=tgyn26example"}"#,
            "newPrivateVirtualInterfaceAllocation: expected an object, found a string",
        ),
        (
            r#"{"ownerAccount":-1}"#,
            "ownerAccount: expected an account id of 12 digits, found the number -1",
        ),
        (
            r#"{"ownerAccount":1.5}"#,
            "ownerAccount: expected an account id of 12 digits, found the number 1.5",
        ),
        (r#"{"connectionId":"a","connectionId":"a"}"#, "connectionId: is given more than once"),
    ];
    check(Code::SerializationException, &cases);
}

#[test]
fn long_and_unprintable_values_are_shortened_and_escaped() {
    let body =
        format!(r#"{{"newPrivateVirtualInterfaceAllocation":{{"vlan":"{}"}}}}"#, "é".repeat(9_999));
    let expected = format!(
        "newPrivateVirtualInterfaceAllocation.vlan: expected an integer, found the string \"{}…\"",
        "é".repeat(100)
    );
    check(Code::SerializationException, &[(&body, &expected)]);
    let body = r#"{"newPrivateVirtualInterfaceAllocation":{"vlan":"\u001b[31m\"\n\u202e"}}"#;
    let expected = "newPrivateVirtualInterfaceAllocation.vlan: expected an integer, \
                    found the string \"\\u{1b}[31m\\\"\\n\\u{202e}\"";
    check(Code::SerializationException, &[(body, expected)]);
    assert_eq!(quoted("it's \"x\"\r\u{202e}"), r#""it's \"x\"\r\u{202e}""#);
    assert_eq!(quoted(&"a".repeat(100)), format!("\"{}\"", "a".repeat(100)));
    assert_eq!(quoted(&"a".repeat(101)), format!("\"{}…\"", "a".repeat(100)));
    assert_eq!(quoted(&"\0".repeat(1_000)), format!("\"{}…\"", "\\0".repeat(50)));
}

#[test]
fn constraints_of_the_model() {
    let complete = |tags: &str, rest: &str| {
        format!(
            r#"{{"connectionId":"c","ownerAccount":"1","newPrivateVirtualInterfaceAllocation":
               {{"virtualInterfaceName":"n","vlan":70000,"tags":{tags}{rest}}}}}"#
        )
    };
    let cases = [
        ("".to_owned(), "connectionId is required"),
        ("{}".to_owned(), "connectionId is required"),
        (r#"{"connectionId":null}"#.to_owned(), "connectionId is required"),
        (r#"{"connectionId":""}"#.to_owned(), "ownerAccount is required"),
        (
            r#"{"connectionId":"","ownerAccount":1}"#.to_owned(),
            "newPrivateVirtualInterfaceAllocation is required",
        ),
        (
            r#"{"connectionId":"","ownerAccount":1,"newPrivateVirtualInterfaceAllocation":
                {"virtualInterfaceName":""}}"#
                .to_owned(),
            "newPrivateVirtualInterfaceAllocation.vlan is required",
        ),
        (
            complete("[]", ""),
            "newPrivateVirtualInterfaceAllocation.tags must have at least 1 item, found 0",
        ),
        (
            complete(r#"[{"value":""}]"#, ""),
            "newPrivateVirtualInterfaceAllocation.tags[0].key is required",
        ),
        (
            complete(r#"[{"key":"a"},{"key":""}]"#, ""),
            "newPrivateVirtualInterfaceAllocation.tags[1].key \"\" \
             must have a length of 1 to 128 characters",
        ),
        (
            complete(r#"[{"key":"a","value":"b;\n"}]"#, ""),
            "newPrivateVirtualInterfaceAllocation.tags[0].value \"b;\\n\" \
             must match ^([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)$",
        ),
        (
            complete(r#"[{"key":"clé 鍵²","value":""}]"#, r#","addressFamily":"ipv5""#),
            "newPrivateVirtualInterfaceAllocation.addressFamily \"ipv5\" must be one of ipv4, ipv6",
        ),
    ];
    for (body, expected) in &cases {
        check(Code::DirectConnectClientException, &[(body, expected)]);
    }
    assert_eq!(answer(complete(r#"[{"key":"clé 鍵²","value":""}]"#, "").as_bytes()), Ok(()));
}

#[test]
fn secrets_are_never_repeated() {
    const HIDDEN: &str = "8817263";
    for value in
        ["8817263", "-8817263", "8817263.5", r#"["8817263"]"#, r#"{"8817263":8817263}"#, "true"]
    {
        let of_peer =
            format!(r#"{{"newPrivateVirtualInterfaceAllocation":{{"authKey":{value}}}}}"#);
        let error = answer(of_peer.as_bytes()).unwrap_err();
        let start = "newPrivateVirtualInterfaceAllocation.authKey: expected a string, found a";
        assert!(error.message.starts_with(start), "{error}");
        assert!(!format!("{error}{error:?}").contains(HIDDEN), "{error}");
        let of_key = format!(r#"{{"cak":{value}}}"#);
        let error = decode::<AssociateMacSecKeyRequest>(of_key.as_bytes()).unwrap_err();
        assert!(!format!("{error}{error:?}").contains(HIDDEN), "{error}");
    }
    let body = br#"{"newPrivateVirtualInterfaceAllocation":{"authKey":"8817263"}}"#;
    let request: AllocatePrivateVirtualInterfaceRequest = decode(body).unwrap();
    let debug = format!("{request:?} {:#?} {:?}", request, request.validate());
    assert!(debug.contains("auth_key: Some([PROTECTED])"), "{debug}");
    assert!(!debug.contains(HIDDEN), "{debug}");
    let allocation = request.new_private_virtual_interface_allocation.unwrap();
    assert_eq!(allocation.auth_key.unwrap().expose(), HIDDEN);
}

#[test]
fn depth_and_size_are_harmless() {
    let deep = "[".repeat(1 << 20);
    for body in
        [deep.clone(), format!(r#"{{"unknown":{deep}"#), format!(r#"{{"connectionId":{deep}"#)]
    {
        let error = answer(body.as_bytes()).unwrap_err();
        assert_eq!(error.code, Code::SerializationException);
        assert!(error.message.len() < 300, "{error}");
    }
    let closed = format!(r#"{{"unknown":{deep}{}}}"#, "]".repeat(1 << 20));
    decode::<DescribeLocationsRequest>(closed.as_bytes()).unwrap();
}

#[test]
fn targets_that_name_no_operation() {
    let unknown = |service, name| TargetError::UnknownOperation { service, name };
    let long = format!("OvertureService.{}", "X".repeat(300));
    let cases: [(&[u8], TargetError<'_>, &str); 9] = [
        (
            b"OvertureService.CreateBanana",
            unknown("OvertureService", "CreateBanana"),
            "OvertureService has no operation \"CreateBanana\"",
        ),
        (
            b"OvertureService.createConnection",
            unknown("OvertureService", "createConnection"),
            "OvertureService has no operation \"createConnection\"",
        ),
        (
            b"OvertureService.",
            unknown("OvertureService", ""),
            "OvertureService has no operation \"\"",
        ),
        (
            b"Linkway.CreateConnection\n",
            unknown("Linkway", "CreateConnection\n"),
            "Linkway has no operation \"CreateConnection\\n\"",
        ),
        (
            b"DynamoDB_20120810.ListTables",
            TargetError::UnknownService("DynamoDB_20120810"),
            "The X-Amz-Target header names the service \"DynamoDB_20120810\"; \
             here are OvertureService and Linkway",
        ),
        (b"", TargetError::Malformed, MALFORMED),
        (b"CreateConnection", TargetError::Malformed, MALFORMED),
        (b"OvertureService.\xff", TargetError::Malformed, MALFORMED),
        (long.as_bytes(), TargetError::Malformed, MALFORMED),
    ];
    for (header, expected, message) in cases {
        assert_eq!(Target::parse(header), Err(expected));
        let error = WireError::from(expected);
        assert_eq!((error.code, &*error.message), (Code::UnknownOperationException, message));
    }
}

const MALFORMED: &str =
    "The X-Amz-Target header must be OvertureService.<operation> or Linkway.<operation>";
