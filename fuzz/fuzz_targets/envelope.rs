//! The JSON envelope: the target header and a body of any bytes, for the operator's and the edges' operations too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use linkway_wire::operation::Target;
use linkway_wire::operator::{
    ApproveConnection, CreateAccount, CreateEdge, CreateGateway, CreatePort, ListEvents,
};
use linkway_wire::{feed, json};


fuzz_target!(|data: &[u8]| {
    let (target, body) = data.split_at(data.iter().position(|b| *b == b'\n').unwrap_or(0));
    if let Err(error) = Target::parse(target) {
        assert!(error.to_string().len() < 1024);
    }
    macro_rules! each {
        ($($request:ty),*) => { $(
            if let Err(error) = json::decode::<$request>(body) {
                let text = error.to_string();
                assert!(text.len() < 4096, "{text}");
            }
        )* };
    }
    each!(
        CreateAccount,
        CreateEdge,
        CreatePort,
        ApproveConnection,
        CreateGateway,
        ListEvents,
        feed::GetEdgeConfig,
        feed::ReportEdgeStatus
    );
});
