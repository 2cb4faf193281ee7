//! The state tables as a whole, and what a tenant is shown of them.

use std::time::Duration;

use std::fmt::Debug;

use expect_test::expect;
use linkway_domain::connection::{ConnectionPhase, Ended};
use linkway_domain::net::AddressFamily;
use linkway_domain::virtual_interface::{InterfaceReport, PeerReport, Phase, State};

use crate::common::scene::{A, B, CONNECTION_EVENTS, DAY, EVENTS, R1, START, Scene, plain};

/// One line for each phase: where each event leads.
fn drawn<P: Copy + Debug, E: Copy + Debug>(
    phases: &[P],
    events: &[E],
    after: impl Fn(P, E) -> Option<P>,
) -> String {
    let cell = |text: String| format!("{text:<18}");
    let mut lines =
        vec![events.iter().fold(cell(String::new()), |line, e| line + &cell(format!("{e:?}")))];
    for phase in phases {
        let row = events.iter().map(|event| match after(*phase, *event) {
            Some(next) => cell(format!("{next:?}")),
            None => cell("-".to_owned()),
        });
        lines.push(row.fold(cell(format!("{phase:?}")), |line, next| line + &next));
    }
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[test]
fn the_table_of_interfaces() {
    let table = drawn(&Phase::ALL, &EVENTS, Phase::after);
    expect![[r#"
                          Confirm           ConfirmUnverified Verify            Refuse            DeleteByOwner     DeleteByLender    Expire            Released          Move
        Confirming        Accepted          Verifying         -                 -                 Rejected          Deleted           Expired           -                 -
        Accepted          -                 -                 -                 -                 Deleting          Deleting          -                 -                 Moving
        Deleting          -                 -                 -                 -                 Deleting          Deleting          -                 Deleted           -
        Deleted           -                 -                 -                 -                 -                 -                 -                 -                 -
        Rejected          -                 -                 -                 -                 -                 -                 -                 -                 -
        Expired           -                 -                 -                 -                 -                 -                 -                 -                 -
        Verifying         -                 -                 Accepted          Rejected          Deleted           Deleted           -                 -                 -
        Moving            -                 -                 -                 -                 Deleting          Deleting          -                 Accepted          -
    "#]]
    .assert_eq(&table);
    for phase in Phase::ALL {
        let stuck = EVENTS.iter().all(|event| phase.after(*event).is_none());
        assert_eq!(phase.is_terminal(), stuck, "{phase:?}");
    }
}

#[test]
fn the_table_of_connections() {
    let table = drawn(&ConnectionPhase::ALL, &CONNECTION_EVENTS, ConnectionPhase::after);
    expect![[r#"
                          Approve           Reject            CarrierUp         CarrierDown       Delete            Released
        Requested         Pending           Rejected          -                 -                 Deleted           -
        Pending           -                 -                 Up                Pending           Deleting          -
        Up                -                 -                 Up                Down              Deleting          -
        Down              -                 -                 Up                Down              Deleting          -
        Deleting          -                 -                 -                 -                 -                 Deleted
        Deleted           -                 -                 -                 -                 -                 -
        Rejected          -                 -                 -                 -                 -                 -
    "#]].assert_eq(&table);
    for phase in ConnectionPhase::ALL {
        let stuck = CONNECTION_EVENTS.iter().all(|event| phase.after(*event).is_none());
        assert_eq!(phase.is_terminal(), stuck, "{phase:?}");
    }
}

#[test]
fn what_a_tenant_sees_of_a_connection() {
    let mut scene = Scene::new();
    let mut connection = scene.order(A, "PAR1");
    let lines: Vec<String> = ConnectionPhase::ALL
        .into_iter()
        .map(|phase| {
            connection.phase = phase;
            let [heard, silent] = [false, true].map(|silent| connection.state(silent).as_str());
            format!(
                "{phase:?}: {heard}, silent edge: {silent}, on its edge: {}\n",
                phase.is_on_edge()
            )
        })
        .collect();
    expect![[r#"
        Requested: requested, silent edge: requested, on its edge: false
        Pending: pending, silent edge: pending, on its edge: true
        Up: available, silent edge: unknown, on its edge: true
        Down: down, silent edge: unknown, on its edge: true
        Deleting: deleting, silent edge: deleting, on its edge: false
        Deleted: deleted, silent edge: deleted, on its edge: false
        Rejected: rejected, silent edge: rejected, on its edge: false
    "#]]
    .assert_eq(&lines.concat());
}

fn one(established: bool) -> Vec<PeerReport> {
    vec![PeerReport { family: AddressFamily::Ipv4, established }]
}

#[test]
fn what_a_tenant_sees_of_an_interface() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let mut interface = scene.allocate((A, B), &line, plain(1)).expect("is free");
    let reports: Vec<Option<InterfaceReport>> = [None]
        .into_iter()
        .chain([(false, false), (true, false), (true, true), (false, true)].into_iter().flat_map(
            |(programmed, bgp_up)| {
                [None, Some("no such port".to_owned())]
                    .map(|error| Some(InterfaceReport { programmed, peers: one(bgp_up), error }))
            },
        ))
        .collect();
    let mut lines = String::new();
    for phase in Phase::ALL {
        interface.phase = phase;
        for reported in &reports {
            // Only what is accepted depends on the router.
            if phase != Phase::Accepted && reported.is_some() {
                continue;
            }
            let seen = |silent| interface.state(START, reported.as_ref(), silent).as_str();
            let said = match reported {
                None => "nothing said".to_owned(),
                Some(r) => format!(
                    "programmed {}, BGP up {}{}",
                    r.programmed,
                    r.is_up(),
                    if r.error.is_some() { ", error" } else { "" }
                ),
            };
            lines.push_str(&format!(
                "{phase:?}, {said}: {}, silent edge: {}\n",
                seen(false),
                seen(true)
            ));
        }
    }
    expect![[r#"
        Confirming, nothing said: confirming, silent edge: confirming
        Accepted, nothing said: pending, silent edge: pending
        Accepted, programmed false, BGP up false: pending, silent edge: unknown
        Accepted, programmed false, BGP up false, error: down, silent edge: unknown
        Accepted, programmed true, BGP up false: down, silent edge: unknown
        Accepted, programmed true, BGP up false, error: down, silent edge: unknown
        Accepted, programmed true, BGP up true: available, silent edge: unknown
        Accepted, programmed true, BGP up true, error: available, silent edge: unknown
        Accepted, programmed false, BGP up true: pending, silent edge: unknown
        Accepted, programmed false, BGP up true, error: down, silent edge: unknown
        Deleting, nothing said: deleting, silent edge: deleting
        Deleted, nothing said: deleted, silent edge: deleted
        Rejected, nothing said: rejected, silent edge: rejected
        Expired, nothing said: expired, silent edge: expired
        Verifying, nothing said: verifying, silent edge: verifying
        Moving, nothing said: pending, silent edge: pending
    "#]]
    .assert_eq(&lines);
}

#[test]
fn the_borders_of_expiry_and_forgetting() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let mut interface = scene.allocate((A, B), &line, plain(1)).expect("is free");
    assert_eq!(interface.expires, Some(START.plus(Duration::from_millis(7 * DAY))));
    for (late, state) in
        [(0, State::Confirming), (7 * DAY - 1, State::Confirming), (7 * DAY, State::Expired)]
    {
        assert_eq!(interface.state(START.plus(Duration::from_millis(late)), None, false), state);
        assert_eq!(
            interface.is_overdue(START.plus(Duration::from_millis(late))),
            state == State::Expired
        );
    }
    interface.phase = Phase::Accepted;
    assert!(!interface.is_overdue(START.plus(Duration::from_millis(8 * DAY))));
    assert!(!interface.is_purged(START.plus(Duration::from_millis(8 * DAY))), "it has not ended");
    interface.ended = Some(Ended { at: START, purge: START.plus(Duration::from_millis(10)) });
    let mut connection = scene.order(A, "PAR1");
    connection.ended = interface.ended;
    for (late, forgotten) in [(0, false), (9, false), (10, true), (11, true)] {
        let now = START.plus(Duration::from_millis(late));
        assert_eq!((interface.is_purged(now), connection.is_purged(now)), (forgotten, forgotten));
    }
}

#[test]
fn every_state_has_the_name_that_the_api_gives_it() {
    let names: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
    expect!["confirming verifying pending available down testing unknown deleting deleted rejected expired"]
        .assert_eq(&names.join(" "));
}
