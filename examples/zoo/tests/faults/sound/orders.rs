//! Steps that belong together: an error undoes the first ones, or the service goes on with the rest.

use itest::prelude::*;
use itest::request;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::fixtures::charges::{ChargeRequest, Charges, Receipt};
use crate::fixtures::clients::{RETRY_PAUSE, bounded_client};
use crate::fixtures::orders::{Trips, Warehouse};
use crate::fixtures::third_parties::{Payments, Travel};

async fn charge(client: &Client, url: &str) -> reqwest::Result<Receipt> {
    let request = client.post(format!("{url}/charges")).json(&ChargeRequest { order: 1 });
    request.send().await?.error_for_status()?.json().await
}

/// Sells an item, and releases the reservation if the payment fails.
async fn sell(client: &Client, url: &str, warehouse: &Warehouse) -> Result<Receipt> {
    warehouse.reserve();
    match charge(client, url).await {
        Ok(receipt) => {
            warehouse.sell();
            Ok(receipt)
        }
        Err(error) => {
            warehouse.release();
            Err(error.into())
        }
    }
}

/// Releases a reservation when it is dropped.
struct Reservation<'w> {
    warehouse: &'w Warehouse,
    is_sold: bool,
}

impl<'w> Reservation<'w> {
    fn new(warehouse: &'w Warehouse) -> Self {
        warehouse.reserve();
        Self { warehouse, is_sold: false }
    }

    fn sell(mut self) {
        self.is_sold = true;
        self.warehouse.sell();
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        if !self.is_sold {
            self.warehouse.release();
        }
    }
}

#[integration_test]
async fn reservation_is_released(payments: &StandIn<Payments>, charges: &Charges, warehouse: &Warehouse) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).essential().reply(charges.reply());
    let client = bounded_client()?;

    #[act]
    let receipt = sell(&client, &payments.url(), warehouse).await?;

    #[assert]
    assert_eq!(receipt.id, "charge_0");
    Ok(())
}

#[integration_test]
async fn reservation_ends_with_its_owner(
    payments: &StandIn<Payments>,
    charges: &Charges,
    warehouse: &Warehouse,
) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).essential().reply(charges.reply());
    let client = bounded_client()?;

    #[act]
    let reservation = Reservation::new(warehouse);
    let receipt = charge(&client, &payments.url()).await?;
    reservation.sell();

    #[assert]
    assert_eq!(receipt.id, "charge_0");
    Ok(())
}

/// A client of the travel agency.
struct Agency {
    client: Client,
    url: String,
}

impl Agency {
    fn new(travel: &StandIn<Travel>, trips: &Trips) -> Result<Self> {
        travel.when(request::post("/flights")).essential().reply(trips.book_flight());
        travel.when(request::post("/hotels")).essential().reply(trips.book_hotel());
        travel.when(request::delete("/flights/{trip}")).optional().reply(trips.cancel_flight());
        travel.when(request::delete("/hotels/{trip}")).optional().reply(trips.cancel_hotel());
        Ok(Self { client: bounded_client()?, url: travel.url() })
    }

    async fn book(&self, part: &str) -> reqwest::Result<Value> {
        let request = self.client.post(format!("{}/{part}", self.url)).json(&json!({"trip": "oslo"}));
        request.send().await?.error_for_status()?.json().await
    }

    async fn cancel(&self, part: &str) -> reqwest::Result<()> {
        self.client.delete(format!("{}/{part}/oslo", self.url)).send().await?.error_for_status()?;
        Ok(())
    }

    /// Books all parts. After an error, those that are booked or may be booked are cancelled.
    async fn book_all_or_nothing(&self) -> Result<()> {
        for (position, part) in ["flights", "hotels"].iter().enumerate() {
            if let Err(error) = self.book(part).await {
                for part in &["flights", "hotels"][..=position] {
                    self.cancel(part).await?;
                }
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Books all parts. Booking a part again changes nothing, so that a failed one is tried again.
    async fn book_with_another_attempt(&self) -> Result<()> {
        for part in ["flights", "hotels"] {
            if self.book(part).await.is_err() {
                sleep(RETRY_PAUSE).await;
                self.book(part).await?;
            }
        }
        Ok(())
    }
}

#[integration_test]
async fn incomplete_trip_is_cancelled(travel: &StandIn<Travel>, trips: &Trips) -> Result<()> {
    #[arrange]
    let agency = Agency::new(travel, trips)?;

    #[act]
    let booked = agency.book_all_or_nothing().await;

    #[assert]
    assert!(booked.is_ok());
    Ok(())
}

#[integration_test]
async fn trip_is_completed(travel: &StandIn<Travel>, trips: &Trips) -> Result<()> {
    #[arrange]
    let agency = Agency::new(travel, trips)?;

    #[act]
    let booked = agency.book_with_another_attempt().await;

    #[assert]
    assert!(booked.is_ok());
    Ok(())
}
