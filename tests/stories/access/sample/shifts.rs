//! Samples of shifts, exceptions, absences and what was displaced.

use std::sync::atomic::{AtomicI64, Ordering};

use naryad_tests::{House, estate::Estate, estate::Technician};
use serde_json::json;
use uuid::Uuid;

use super::Sample;

/// A technician whose schedule is kept; nobody books him.
pub(super) struct Schedule {
    boris: Technician,
    shift: Uuid,
    exception: Uuid,
    absence: Uuid,
}

/// Days, one after the other, years ahead.
fn next_day() -> chrono::NaiveDate {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let days = NEXT.fetch_add(1, Ordering::Relaxed);
    chrono::NaiveDate::from_ymd_opt(2040, 1, 1).unwrap() + chrono::TimeDelta::days(days)
}

impl Schedule {
    pub(super) async fn make(house: &House, estate: &Estate) -> Self {
        let boris = estate.technician(house, "Петров Борис Ильич").await;
        let week = json!([{ "days": ["mo"], "windows": [{ "from": "09:00", "to": "18:00" }] }]);
        let body = json!({
            "technician_id": boris.user.id, "valid_from": "2026-01-01", "valid_to": "2026-12-31", "week": week,
        });
        let shift = estate.admin.post("/v1/shifts", body).await.ok(201).id("/id");
        let made = Self { boris, shift, exception: shift, absence: shift };
        let (exception, absence) = (made.own_exception(estate).await, made.own_absence(estate).await);
        Self { exception, absence, ..made }
    }

    async fn own_shift(&self, estate: &Estate) -> Uuid {
        let day = next_day();
        let body = json!({
            "technician_id": self.boris.user.id, "valid_from": day, "valid_to": day, "week": [],
        });
        estate.admin.post("/v1/shifts", body).await.ok(201).id("/id")
    }

    async fn own_exception(&self, estate: &Estate) -> Uuid {
        let body = json!({
            "technician_id": self.boris.user.id, "date": next_day(), "kind": "removed", "reason": "Проверка.",
        });
        estate.dispatcher.post("/v1/shift-exceptions", body).await.ok(201).id("/id")
    }

    async fn own_absence(&self, estate: &Estate) -> Uuid {
        let day = next_day();
        let body = json!({
            "technician_id": self.boris.user.id, "kind": "other",
            "start": format!("{day}T06:00:00Z"), "end": format!("{day}T07:00:00Z"),
        });
        estate.dispatcher.post("/v1/absences", body).await.ok(201).id("/id")
    }

    /// The sample of an operation, if it is one of these.
    pub(super) async fn sample(&self, estate: &Estate, operation: &str) -> Option<Sample> {
        let technician = self.boris.user.id;
        let sample = match operation {
            "GET /v1/shifts"
            | "GET /v1/shift-exceptions"
            | "GET /v1/absences"
            | "GET /v1/rebookings"
            | "GET /v1/shifts/on-call" => Sample::of(operation.trim_start_matches("GET "), None).common(),
            "GET /v1/shifts/roster" => {
                Sample::of("/v1/shifts/roster?from=2026-03-02&to=2026-03-08", None).common()
            }
            // What is created is wrong in itself: whoever may is told so.
            "POST /v1/shifts" => {
                let body = json!({
                    "technician_id": technician, "valid_from": "2026-03-02", "valid_to": "2026-03-01", "week": [],
                });
                Sample::of("/v1/shifts", Some(body))
            }
            "POST /v1/shift-exceptions" => {
                let body = json!({
                    "technician_id": technician, "date": "2026-03-02", "kind": "added", "reason": "Проверка.",
                });
                Sample::of("/v1/shift-exceptions", Some(body))
            }
            "POST /v1/absences" => {
                let body = json!({
                    "technician_id": technician, "kind": "sick", "end": "2026-03-01T00:00:00Z",
                });
                Sample::of("/v1/absences", Some(body))
            }
            "GET /v1/shifts/{id}" => Sample::of(&format!("/v1/shifts/{}", self.shift), None),
            "PATCH /v1/shifts/{id}" => {
                Sample::of(&format!("/v1/shifts/{}", self.shift), Some(json!({}))).stale()
            }
            "DELETE /v1/shifts/{id}" => {
                Sample::of(&format!("/v1/shifts/{}", self.own_shift(estate).await), None)
            }
            "GET /v1/shift-exceptions/{id}" => {
                Sample::of(&format!("/v1/shift-exceptions/{}", self.exception), None)
            }
            "PATCH /v1/shift-exceptions/{id}" => {
                Sample::of(&format!("/v1/shift-exceptions/{}", self.exception), Some(json!({}))).stale()
            }
            "DELETE /v1/shift-exceptions/{id}" => {
                Sample::of(&format!("/v1/shift-exceptions/{}", self.own_exception(estate).await), None)
            }
            "GET /v1/absences/{id}" => Sample::of(&format!("/v1/absences/{}", self.absence), None),
            "PATCH /v1/absences/{id}" => {
                Sample::of(&format!("/v1/absences/{}", self.absence), Some(json!({}))).stale()
            }
            "POST /v1/absences/{id}/cancel" => {
                Sample::of(&format!("/v1/absences/{}/cancel", self.own_absence(estate).await), None)
            }
            _ => return None,
        };
        Some(sample)
    }

    /// What another tenant must never be told.
    pub(super) fn secrets(&self) -> [Uuid; 4] {
        [self.boris.user.id, self.shift, self.exception, self.absence]
    }
}
