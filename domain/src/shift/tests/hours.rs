//! What the hours of a shift may be.

use serde_json::{Value, json};

use crate::shift::{WeekShifts, check_week};

fn refused(week: Value) -> String {
    let week: Vec<WeekShifts> = serde_json::from_value(week).unwrap();
    check_week("week", &week).unwrap_err().fields()[0].field.clone()
}

fn one(window: &Value) -> Value {
    json!([{ "days": ["mo"], "windows": [window] }])
}

#[test]
fn a_week_of_a_dispatch_service() {
    let week = json!([
        { "days": ["mo", "tu", "we"], "windows": [
            { "from": "09:00", "to": "18:00", "breaks": [{ "from": "13:00", "to": "14:00" }],
              "reserve": [{ "from": "16:00", "to": "18:00" }] },
            { "from": "18:00", "to": "09:00", "ends_next_day": true, "on_call": true },
        ] },
        { "days": ["su"], "windows": [
            { "from": "08:00", "to": "08:00", "ends_next_day": true,
              "breaks": [{ "from": "23:45", "to": "00:15" }, { "from": "07:00", "to": "08:00" }] },
        ] },
    ]);
    let week: Vec<WeekShifts> = serde_json::from_value(week).unwrap();
    check_week("week", &week).unwrap();
    check_week("week", &[]).unwrap();
}

#[test]
fn what_is_no_shift_is_named() {
    for (window, field) in [
        (json!({ "from": "18:00", "to": "09:00" }), "week[0].windows[0].to"),
        (json!({ "from": "09:00", "to": "09:00" }), "week[0].windows[0].to"),
        // 25 hours.
        (json!({ "from": "08:00", "to": "09:00", "ends_next_day": true }), "week[0].windows[0].to"),
        (json!({ "from": "24:00", "to": "09:00", "ends_next_day": true }), "week[0].windows[0].from"),
        (
            json!({ "from": "09:00", "to": "18:00", "breaks": [{ "from": "08:00", "to": "08:30" }] }),
            "week[0].windows[0].breaks[0]",
        ),
        (
            json!({ "from": "09:00", "to": "18:00", "breaks": [{ "from": "13:00", "to": "12:00" }] }),
            "week[0].windows[0].breaks[0]",
        ),
        (
            json!({ "from": "09:00", "to": "18:00", "breaks": [
                { "from": "12:00", "to": "13:00" }, { "from": "12:30", "to": "14:00" },
            ] }),
            "week[0].windows[0].breaks",
        ),
        (
            json!({ "from": "20:00", "to": "08:00", "ends_next_day": true,
                    "reserve": [{ "from": "07:00", "to": "09:00" }] }),
            "week[0].windows[0].reserve[0]",
        ),
        (
            json!({ "from": "09:00", "to": "18:00", "on_call": true,
                    "breaks": [{ "from": "12:00", "to": "13:00" }] }),
            "week[0].windows[0].breaks",
        ),
    ] {
        assert_eq!(refused(one(&window)), field, "{window}");
    }
    assert_eq!(
        refused(json!([{ "days": [], "windows": [{ "from": "09:00", "to": "18:00" }] }])),
        "week[0].days"
    );
    assert_eq!(refused(json!([{ "days": ["mo"], "windows": [] }])), "week[0].windows");
}

#[test]
fn shifts_do_not_overlap_also_over_midnight_and_over_sunday() {
    let day = json!({ "days": ["mo"], "windows": [
        { "from": "09:00", "to": "13:00" }, { "from": "12:59", "to": "18:00" },
    ] });
    assert_eq!(refused(json!([day])), "week[0].windows");
    let night = |days: Value| json!({ "days": days, "windows": [{ "from": "20:00", "to": "08:00", "ends_next_day": true }] });
    let morning = json!({ "days": ["mo"], "windows": [{ "from": "07:00", "to": "15:00" }] });
    assert_eq!(refused(json!([night(json!(["su"])), morning])), "week");
    assert_eq!(refused(json!([night(json!(["mo", "mo"]))])), "week");
    let after: Vec<WeekShifts> = serde_json::from_value(json!([
        night(json!(["su"])), { "days": ["mo"], "windows": [{ "from": "08:00", "to": "15:00" }] },
    ]))
    .unwrap();
    check_week("week", &after).unwrap();
}
