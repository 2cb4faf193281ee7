//! The requests of each turn.

use anyhow::{Result, bail};

use crate::load::Requests;
use crate::requests::{self, Key};
use crate::rounds::Source;
use crate::seed::{Extent, Population, mix};

/// Different interfaces that are requested in a turn; each turn has others.
const INTERFACES_PER_TURN: usize = 40_000;
/// The VLANs that the filled store does not use.
const FREE_VLANS: std::ops::RangeInclusive<u16> = 200..=4094;
/// A text in every described interface.
const INTERFACE: &str = "\"virtualInterfaceId\":\"dxvif-";
/// A text in every allocated interface.
const CONFIRMING: &str = "\"virtualInterfaceState\":\"confirming\"";

/// For the constant server: as many different requests as the real one gets, so that the load
/// generator's work is the same.
pub fn of_constant(key: &Key) -> Source<'_> {
    Box::new(|_, _| {
        let mut requests = Requests::new(INTERFACE, true);
        for nth in 0..INTERFACES_PER_TURN {
            requests.push(&requests::describe_interface(key, &format!("dxvif-{nth:08}"))?);
        }
        Ok(requests)
    })
}

/// DescribeVirtualInterfaces of interfaces drawn from all of a store.
pub fn describes(population: &Population, extent: Extent) -> Source<'_> {
    let mut turn = 0;
    Box::new(move |_, _| {
        let mut requests = Requests::new(INTERFACE, true);
        for nth in turn * INTERFACES_PER_TURN..(turn + 1) * INTERFACES_PER_TURN {
            let drawn = usize::try_from(mix(nth as u64) % extent.interfaces as u64)?;
            let (id, owner) = &population.interfaces[drawn];
            let key = &population.tenants[*owner].key;
            requests.push(&requests::describe_interface(key, id.as_str())?);
        }
        turn += 1;
        Ok(requests)
    })
}

/// AllocatePrivateVirtualInterface, spread over all connections of a store.
pub fn allocations(population: &Population, extent: Extent) -> Source<'_> {
    let mut used = 0;
    Box::new(move |sent, wanted| {
        used += sent;
        let mut requests = Requests::new(CONFIRMING, false);
        for nth in used..used + wanted {
            requests.push(&allocation(population, extent, nth)?);
        }
        Ok(requests)
    })
}

fn allocation(population: &Population, extent: Extent, nth: usize) -> Result<Vec<u8>> {
    let vlan = FREE_VLANS.start() + u16::try_from(nth / extent.connections)?;
    if !FREE_VLANS.contains(&vlan) {
        bail!("every VLAN of the {} connections is used up", extent.connections);
    }
    let (connection, lender) = &population.connections[nth % extent.connections];
    let owner = (lender + 1 + nth % (extent.tenants - 1)) % extent.tenants;
    let owner = population.tenants[owner].id.as_str();
    let lender = &population.tenants[*lender].key;
    requests::allocate(lender, connection.as_str(), owner, vlan)
}
