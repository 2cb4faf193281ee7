//! Locations: the operator opens, renames and closes them, everybody sees them.

use linkway_domain::Fault;
use linkway_domain::id::LocationCode;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::location::Location;
use linkway_domain::location::decide::{CreateLocation, DeleteLocation, UpdateLocation};
use linkway_wire::{convert, generated, operator};

use super::page::{Asked, one_of};
use super::{Answered, Api, Call};

impl Api {
    pub(super) async fn describe_locations(
        &self,
        _: &Call,
        _: generated::DescribeLocationsRequest,
    ) -> Answered<generated::Locations> {
        let region = &self.records.settings().region;
        let all = self.records.all(&Index::<Location>::everything()).await?;
        let locations = all.iter().map(|location| convert::location(location, region)).collect();
        Ok(generated::Locations { locations: Some(locations) })
    }

    pub(super) async fn create_location(
        &self,
        call: &Call,
        request: operator::CreateLocation,
    ) -> Answered<operator::Location> {
        let command = CreateLocation {
            code: request.location_code,
            name: request.location_name,
            simulated: request.simulated,
        };
        Ok(self.location(self.run(call, &command).await?))
    }

    pub(super) async fn update_location(
        &self,
        call: &Call,
        request: operator::UpdateLocation,
    ) -> Answered<operator::Location> {
        let command = UpdateLocation { code: request.location_code, name: request.location_name };
        Ok(self.location(self.run(call, &command).await?))
    }

    pub(super) async fn delete_location(
        &self,
        call: &Call,
        request: operator::DeleteLocation,
    ) -> Answered<operator::Location> {
        Ok(self.location(self.run(call, &DeleteLocation(request.location_code)).await?))
    }

    pub(super) async fn list_locations(
        &self,
        _: &Call,
        request: operator::ListLocations,
    ) -> Answered<operator::LocationList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (locations, next_token) = match &request.location_code {
            None => self.list(&Index::<Location>::everything(), asked).await?,
            Some(code) => {
                let code = LocationCode::parse(code)?;
                let missing = || Fault::field("locationCode", &code, "does not exist");
                let found = self.records.get(&key::location(&code)).await?;
                (vec![one_of(found).ok_or_else(missing)?], None)
            }
        };
        let locations = locations.into_iter().map(|location| self.location(location)).collect();
        Ok(operator::LocationList { locations, next_token })
    }

    fn location(&self, location: Location) -> operator::Location {
        operator::Location {
            location_code: location.code.to_string(),
            location_name: location.name,
            simulated: location.simulated,
            region: self.records.settings().region.clone(),
        }
    }
}
