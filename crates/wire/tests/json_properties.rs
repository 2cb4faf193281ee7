//! Decoding and encoding: what is written is read back, and no bytes make the decoder panic.

#![allow(clippy::unwrap_used, reason = "a test, its helpers included")]

use linkway_wire::error::{Code, ErrorBody, WireError};
use linkway_wire::generated::*;
use linkway_wire::json::{decode, encode};
use linkway_wire::operation::Target;
use linkway_wire::validate::Validate;
use linkway_wire::value::{Blob, Secret, Timestamp};
use proptest::option::of;
use proptest::prelude::*;

/// Decodes and validates a body as each of the requests.
fn decode_as_each(body: &[u8]) {
    macro_rules! try_decode {
        ($operation:ident, $input:ty, $output:ty) => {
            match decode::<$input>(body) {
                Ok(request) => {
                    if let Err(violation) = request.validate() {
                        assert!(violation.to_string().len() < 2_000);
                    }
                    assert_eq!(decode::<$input>(&encode(&request)).as_ref(), Ok(&request));
                }
                Err(error) => assert!(error.to_string().len() < 2_000, "{error}"),
            }
        };
    }
    linkway_wire::for_each_call!(try_decode);
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    prop::collection::vec(
        (of(any::<String>()), of(any::<String>())).prop_map(|(key, value)| Tag { key, value }),
        0..4,
    )
}

prop_compose! {
    fn allocation()(
        name in of(any::<String>()),
        vlan in of(any::<i64>()),
        asn in of(any::<i64>()),
        key in of(any::<String>()),
        family in of(prop_oneof![Just("ipv4".to_owned()), any::<String>()]),
        tags in of(tags()),
    ) -> NewPrivateVirtualInterfaceAllocation {
        NewPrivateVirtualInterfaceAllocation {
            virtual_interface_name: name,
            vlan,
            asn_long: asn,
            auth_key: key.map(Secret::from),
            address_family: family.map(|f| AddressFamily::from(f.as_str())),
            tags,
            ..Default::default()
        }
    }
}

prop_compose! {
    fn request()(
        connection in of(any::<String>()),
        owner in of(any::<String>()),
        allocation in of(allocation()),
    ) -> AllocatePrivateVirtualInterfaceRequest {
        AllocatePrivateVirtualInterfaceRequest {
            connection_id: connection,
            owner_account: owner,
            new_private_virtual_interface_allocation: allocation,
        }
    }
}

/// Bytes that get past the first brace more often than random ones do.
fn nearly_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1",
        "-1.5e9",
        "\"a\"",
        "\"\\u0000\"",
        "\"vlan\"",
        "\"tags\"",
        "\"key\"",
        "\"authKey\"",
        "\"ownerAccount\"",
        "\"connectionId\"",
        "\"newBGPPeer\"",
        "\"newPrivateVirtualInterface\"",
        "\"",
        "\\",
        " ",
        "\u{feff}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn requests_survive_the_wire(request in request()) {
        prop_assert_eq!(decode(&encode(&request)), Ok(request));
    }

    #[test]
    fn responses_survive_the_wire(
        content: Vec<u8>,
        millis in -9_999_999_999_999_i64..9_999_999_999_999,
    ) {
        let time = Timestamp::from_millis(millis);
        let connection = Connection { loa_issue_time: Some(time), ..Default::default() };
        prop_assert_eq!(decode(&encode(&connection)), Ok(connection));
        let loa = Loa { loa_content: Some(Blob(content)), ..Default::default() };
        prop_assert_eq!(decode(&encode(&loa)), Ok(loa));
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>) {
        decode_as_each(&body);
    }

    #[test]
    fn no_near_json_panics(body in nearly_json()) {
        decode_as_each(&body);
    }

    #[test]
    fn no_damaged_request_panics(request in request(), at: prop::sample::Index, byte: u8) {
        let mut body = encode(&request);
        let at = at.index(body.len());
        body[at] = byte;
        decode_as_each(&body);
        decode_as_each(&body[..at]);
    }

    #[test]
    fn targets_are_names_or_errors(header: Vec<u8>) {
        if let Ok(target) = Target::parse(&header) {
            let name = format!("{}.{}", target.service(), target.name());
            prop_assert_eq!(name.as_bytes(), header);
        }
    }
}

#[test]
fn accounts_may_be_numbers() {
    let cases = [
        (r#"{"ownerAccount":"123456789000"}"#, Some("123456789000")),
        (r#"{"ownerAccount":123456789000}"#, Some("123456789000")),
        (r#"{"ownerAccount":42}"#, Some("000000000042")),
        (r#"{"ownerAccount":1234567890123}"#, Some("1234567890123")),
        (r#"{"ownerAccount":"me"}"#, Some("me")),
        (r#"{"ownerAccount":null}"#, None),
        (r#"{}"#, None),
        ("", None),
    ];
    for (body, expected) in cases {
        let request: AllocatePrivateVirtualInterfaceRequest = decode(body.as_bytes()).unwrap();
        assert_eq!(request.owner_account.as_deref(), expected, "{body}");
    }
}

#[test]
fn numbers_beyond_the_model_reach_the_domain() {
    let body = br#"{"newPrivateVirtualInterface":{"virtualInterfaceName":"n","vlan":-70000,
                   "asn":4294967296,"mtu":9223372036854775807},
                   "connectionId":"c","unknown":{"vlan":[{}]}}"#;
    let request: CreatePrivateVirtualInterfaceRequest = decode(body).unwrap();
    assert_eq!(request.validate(), Ok(()));
    let new = request.new_private_virtual_interface.unwrap();
    assert_eq!((new.vlan, new.asn, new.mtu), (Some(-70000), Some(1 << 32), Some(i64::MAX)));
}

#[test]
fn responses_are_written_as_clients_expect() {
    let connection = Connection {
        owner_account: Some("000000000042".to_owned()),
        connection_state: Some(ConnectionState::Available),
        loa_issue_time: Some(Timestamp::from_millis(1_700_000_000_000)),
        has_logical_redundancy: Some("later".into()),
        vlan: Some(101),
        ..Default::default()
    };
    let expected = concat!(
        r#"{"connectionState":"available","hasLogicalRedundancy":"later","#,
        r#""loaIssueTime":1700000000,"ownerAccount":"000000000042","vlan":101}"#
    );
    assert_eq!(String::from_utf8(encode(&connection)).unwrap(), expected);
    let precise = Timestamp::from_millis(1_700_000_000_250);
    assert_eq!(encode(&precise), b"1700000000.25");
    let loa = Loa { loa_content: Some(Blob(b"%PDF-".to_vec())), ..Default::default() };
    assert_eq!(encode(&loa), br#"{"loaContent":"JVBERi0="}"#);
}

#[test]
fn errors_are_written_as_clients_expect() {
    let error = WireError::new(Code::DirectConnectClientException, "No \"such\" thing");
    let body = encode(&error.body());
    let expected = br#"{"__type":"DirectConnectClientException","message":"No \"such\" thing"}"#;
    assert_eq!(body, expected);
    assert_eq!(decode::<ErrorBody>(&body), Ok(error.body()));
}

#[test]
fn codes_have_their_status() {
    let others = Code::ALL.iter().filter(|c| c.status() != 400).map(|c| (c.as_str(), c.status()));
    let expected = [
        ("DirectConnectServerException", 500),
        ("ServiceUnavailable", 503),
        ("RequestEntityTooLargeException", 413),
        ("RequestTimeoutException", 408),
    ];
    assert!(others.eq(expected));
    assert_eq!(Code::ALL.len(), 17);
}
