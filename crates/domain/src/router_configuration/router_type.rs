//! The types of routers that a configuration can be asked for. The API has no list of them: the first nine are those that its
//! users know, the others are what else stands at customers' sites, in the same style.

use super::text::Dialect;
use crate::fault::Fault;

/// A type of router (the model's `RouterType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterType(&'static Row);

/// What is known of a type of router; the members are those of the model's `RouterType`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    identifier: &'static str,
    vendor: &'static str,
    platform: &'static str,
    software: &'static str,
    xslt: &'static str,
    xslt_with_macsec: &'static str,
    /// The configuration language that we write; `None`: the XML document that the named template turns into one.
    dialect: Option<Dialect>,
}

const CISCO: &str = "Cisco Systems, Inc.";
const JUNIPER: &str = "Juniper Networks, Inc.";
const ROUTER: (&str, &str) = ("customer-router-cisco-generic.xslt", "");
const NEXUS: (&str, &str) =
    ("customer-switch-cisco-nexus-generic.xslt", "customer-switch-cisco-nexus-generic-macsec.xslt");
const JUNOS: (&str, &str) =
    ("customer-router-juniper-generic.xslt", "customer-router-juniper-generic-macsec.xslt");
const PALO_ALTO: (&str, &str) = ("customer-router-palo-alto-generic.xslt", "");

const fn known(
    identifier: &'static str,
    vendor: &'static str,
    platform: &'static str,
    software: &'static str,
    (xslt, xslt_with_macsec): (&'static str, &'static str),
) -> Row {
    Row { identifier, vendor, platform, software, xslt, xslt_with_macsec, dialect: None }
}

const fn ours(
    identifier: &'static str,
    vendor: &'static str,
    platform: &'static str,
    software: &'static str,
    dialect: Dialect,
) -> Row {
    let dialect = Some(dialect);
    Row { identifier, vendor, platform, software, xslt: "", xslt_with_macsec: "", dialect }
}

static ROWS: [Row; 15] = [
    known(
        "CiscoSystemsInc-2900SeriesRouters-IOS124",
        CISCO,
        "2900 Series Routers",
        "IOS 12.4+",
        ROUTER,
    ),
    known(
        "CiscoSystemsInc-3700SeriesRouters-IOS124",
        CISCO,
        "3700 Series Routers",
        "IOS 12.4+",
        ROUTER,
    ),
    known(
        "CiscoSystemsInc-7200SeriesRouters-IOS124",
        CISCO,
        "7200 Series Routers",
        "IOS 12.4+",
        ROUTER,
    ),
    known(
        "CiscoSystemsInc-Nexus7000SeriesSwitches-NXOS51",
        CISCO,
        "Nexus 7000 Series Switches",
        "NX-OS 5.1+",
        NEXUS,
    ),
    known(
        "CiscoSystemsInc-Nexus9KSeriesSwitches-NXOS93",
        CISCO,
        "Nexus 9K Series Switches",
        "NX-OS 9.3+",
        NEXUS,
    ),
    known(
        "JuniperNetworksInc-MMXSeriesRouters-JunOS95",
        JUNIPER,
        "M/MX Series Routers",
        "JunOS 9.5+",
        JUNOS,
    ),
    known(
        "JuniperNetworksInc-SRXSeriesRouters-JunOS95",
        JUNIPER,
        "SRX Series Routers",
        "JunOS 9.5+",
        JUNOS,
    ),
    known(
        "JuniperNetworksInc-TSeriesRouters-JunOS95",
        JUNIPER,
        "T Series Routers",
        "JunOS 9.5+",
        JUNOS,
    ),
    known(
        "PaloAltoNetworks-PA3000and5000series-PANOS803",
        "Palo Alto Networks",
        "PA 3000 and 5000 series",
        "PANOS 8.0.3+",
        PALO_ALTO,
    ),
    ours("CZNIC-BIRD-BIRD2", "CZ.NIC", "BIRD", "BIRD 2", Dialect::Bird),
    ours("FRRouting-FRR-FRR8", "FRRouting", "FRR", "FRR 8+", Dialect::Frr),
    ours("CiscoSystemsInc-Routers-IOSXE16", CISCO, "Routers", "IOS XE 16+", Dialect::IosXe),
    ours("JuniperNetworksInc-Routers-Junos18", JUNIPER, "Routers", "Junos 18+", Dialect::Junos),
    ours(
        "AristaNetworksInc-Switches-EOS422",
        "Arista Networks, Inc.",
        "Switches and routers",
        "EOS 4.22+",
        Dialect::Eos,
    ),
    ours("MikroTik-Routers-RouterOS7", "MikroTik", "Routers", "RouterOS 7", Dialect::RouterOs),
];

impl RouterType {
    /// Every type.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(Self)
    }

    /// The type that a request means: by its identifier, or the first of the list where it names none.
    ///
    /// # Errors
    ///
    /// A client fault that names `field` and every identifier.
    pub fn parse(field: &str, identifier: Option<&str>) -> Result<Self, Fault> {
        let Some(identifier) = identifier else { return Ok(Self(&ROWS[0])) };
        Self::all().find(|router| router.identifier() == identifier).ok_or_else(|| {
            let known: Vec<&str> = Self::all().map(Self::identifier).collect();
            let rule = format!("is not a router type; those are {}", known.join(", "));
            Fault::field(field, identifier, rule)
        })
    }

    /// `routerTypeIdentifier`.
    #[must_use]
    pub const fn identifier(self) -> &'static str {
        self.0.identifier
    }

    /// Who makes it.
    #[must_use]
    pub const fn vendor(self) -> &'static str {
        self.0.vendor
    }

    /// Which machines.
    #[must_use]
    pub const fn platform(self) -> &'static str {
        self.0.platform
    }

    /// Which software, and from which version on.
    #[must_use]
    pub const fn software(self) -> &'static str {
        self.0.software
    }

    /// The template that turns the XML document into the router's configuration; empty where the answer is that already.
    #[must_use]
    pub const fn xslt(self) -> &'static str {
        self.0.xslt
    }

    /// The same for a connection with MACsec.
    #[must_use]
    pub const fn xslt_with_macsec(self) -> &'static str {
        self.0.xslt_with_macsec
    }

    pub(super) const fn dialect(self) -> Option<Dialect> {
        self.0.dialect
    }
}
