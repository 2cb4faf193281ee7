//! BGP failover tests: started and stopped by the owner of an interface, listed for both of its sides.

use linkway_domain::failover_test::decide::{StartBgpFailoverTest, StopBgpFailoverTest};
use linkway_domain::failover_test::{FailoverTest, TestStatus};
use linkway_domain::id::VirtualInterfaceId;
use linkway_domain::index::Index;
use linkway_domain::{Fault, Time};
use linkway_wire::{convert, generated};

use super::page::{Asked, element_bytes};
use super::{Answered, Api, Call};
use crate::clock;

impl Api {
    pub(super) async fn start_bgp_failover_test(
        &self,
        call: &Call,
        request: generated::StartBgpFailoverTestRequest,
    ) -> Answered<generated::StartBgpFailoverTestResponse> {
        let started = self.run(call, &StartBgpFailoverTest::from(request)).await?;
        let test = convert::failover_test(started, clock::now());
        Ok(generated::StartBgpFailoverTestResponse { virtual_interface_test: Some(test) })
    }

    pub(super) async fn stop_bgp_failover_test(
        &self,
        call: &Call,
        request: generated::StopBgpFailoverTestRequest,
    ) -> Answered<generated::StopBgpFailoverTestResponse> {
        let stopped = self.run(call, &StopBgpFailoverTest::from(request)).await?;
        let test = convert::failover_test(stopped, clock::now());
        Ok(generated::StopBgpFailoverTestResponse { virtual_interface_test: Some(test) })
    }

    /// A list is an index of the caller's own account. The tests of an interface outlive it; one that the caller may not know
    /// of has none.
    pub(super) async fn list_virtual_interface_test_history(
        &self,
        call: &Call,
        request: generated::ListVirtualInterfaceTestHistoryRequest,
    ) -> Answered<generated::ListVirtualInterfaceTestHistoryResponse> {
        let account = call.account()?;
        let now = clock::now();
        let wanted = Wanted::of(&request)?;
        let index = match &request.virtual_interface_id {
            None => Index::<FailoverTest>::of_account(account),
            Some(id) => {
                let Ok(id) = VirtualInterfaceId::parse(id) else {
                    let none = Some(Vec::new());
                    return Ok(generated::ListVirtualInterfaceTestHistoryResponse {
                        next_token: None,
                        virtual_interface_test_history: none,
                    });
                };
                Index::of_interface(account, &id)
            }
        };
        let asked = Asked::by_tenant(request.max_results, request.next_token.as_deref())?;
        let mut list = self.tenants_list(call, &index, asked).await?;
        let mut tests = Vec::new();
        while let Some(found) = list.next().await? {
            let found = found.into_iter().map(|test| test.at(now));
            let found: Vec<_> = found.filter(|test| wanted.has(test, now)).collect();
            list.took(found.iter().map(|_| element_bytes(None)).sum());
            tests.extend(found.into_iter().map(|test| convert::failover_test(test, now)));
        }
        let (tests, next_token) = (Some(tests), list.next_token());
        Ok(generated::ListVirtualInterfaceTestHistoryResponse {
            next_token,
            virtual_interface_test_history: tests,
        })
    }
}

/// Which tests a request asks for.
struct Wanted<'a> {
    id: Option<&'a str>,
    peers: &'a [String],
    status: Option<TestStatus>,
}

impl<'a> Wanted<'a> {
    /// # Errors
    /// A client fault where the status is none.
    fn of(request: &'a generated::ListVirtualInterfaceTestHistoryRequest) -> Result<Self, Fault> {
        let status = request.status.as_deref().map(parse_status).transpose()?;
        let peers = request.bgp_peers.as_deref().unwrap_or_default();
        Ok(Self { id: request.test_id.as_deref(), peers, status })
    }

    /// Of several peers any will do.
    fn has(&self, test: &FailoverTest, now: Time) -> bool {
        let peers = || test.peers.iter().any(|peer| self.peers.iter().any(|p| p == peer.as_str()));
        self.id.is_none_or(|id| test.id.as_str() == id)
            && self.status.is_none_or(|status| test.status == status)
            && (self.peers.is_empty() || peers())
            && !test.is_purged(now)
    }
}

fn parse_status(text: &str) -> Result<TestStatus, Fault> {
    let found = TestStatus::ALL.into_iter().find(|status| status.as_str() == text);
    found.ok_or_else(|| {
        let names = TestStatus::ALL.map(TestStatus::as_str).join(", ");
        let rule = format!("is not a status of a BGP failover test: those are {names}");
        Fault::field("status", text, rule)
    })
}
