//! BGP failover tests.

use linkway_domain::Time;
use linkway_domain::failover_test::FailoverTest;
use linkway_domain::failover_test::decide::{StartBgpFailoverTest, StopBgpFailoverTest};

use crate::generated as wire;
use crate::generated::{StartBgpFailoverTestRequest, StopBgpFailoverTestRequest};
use crate::value::Timestamp;

impl From<StartBgpFailoverTestRequest> for StartBgpFailoverTest {
    fn from(request: StartBgpFailoverTestRequest) -> Self {
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            peers: request.bgp_peers.unwrap_or_default(),
            minutes: request.test_duration_in_minutes,
        }
    }
}

impl From<StopBgpFailoverTestRequest> for StopBgpFailoverTest {
    fn from(request: StopBgpFailoverTestRequest) -> Self {
        Self(request.virtual_interface_id.unwrap_or_default())
    }
}

/// A test as it is at a moment; `endTime` is absent while it runs.
#[must_use]
pub fn failover_test(record: FailoverTest, now: Time) -> wire::VirtualInterfaceTestHistory {
    let record = record.at(now);
    wire::VirtualInterfaceTestHistory {
        bgp_peers: Some(record.peers.iter().map(ToString::to_string).collect()),
        end_time: record.ended.map(timestamp),
        owner_account: Some(record.owner.to_string()),
        start_time: Some(timestamp(record.started)),
        status: Some(record.status.as_str().to_owned()),
        test_duration_in_minutes: Some(record.minutes.into()),
        test_id: Some(record.id.to_string()),
        virtual_interface_id: Some(record.interface.to_string()),
    }
}

fn timestamp(at: Time) -> Timestamp {
    Timestamp::from_millis(i64::try_from(at.millis()).unwrap_or(i64::MAX))
}
