//! The statements behind a list of tickets.
//!
//! The first page must cost the same whatever stands behind it, so each statement walks an index in the order of the
//! list and stops when the page is full. Where one index cannot serve a question (several states; own tickets and
//! those executed for others), the statement is a union of branches that each can.

use sea_orm::{DbBackend, Value};

use super::{Key, TicketFilter};
use crate::{
    Scope, Time,
    id::TechnicianId,
    scope::Actor,
    ticket::{ExecutorKind, Status},
};

/// How many of the newest tickets are looked through before the index of words is asked on PostgreSQL: what is found in
/// every fortieth ticket fills a page from them, and all that is rarer is little.
const RECENT: u64 = 2_000;

/// A SELECT with its values.
#[derive(Clone, Debug)]
pub(in crate::ticket) struct Statement {
    pub(in crate::ticket) sql: String,
    pub(in crate::ticket) values: Vec<Value>,
}

/// What a list is asked for.
#[derive(Debug)]
pub(in crate::ticket) struct Asked<'a> {
    pub(in crate::ticket) scope: &'a Scope,
    pub(in crate::ticket) filter: &'a TicketFilter,
    pub(in crate::ticket) after: Option<Key>,
    pub(in crate::ticket) limit: u64,
    pub(in crate::ticket) backend: DbBackend,
    pub(in crate::ticket) now: Time,
}

/// By which of its two organizations a ticket is in sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Owner,
    Executor,
}

/// An index in the order of the list.
struct Index {
    name: &'static str,
    /// It has the state before the order: each state is a branch of its own.
    has_state: bool,
}

impl Asked<'_> {
    /// The statements to try, one after another, until one gives a full page; the last one's answer stands.
    pub(in crate::ticket) fn statements(&self) -> Vec<Statement> {
        let parts = Parts::of(self);
        if self.filter.q.as_ref().is_some_and(|q| !q.is_silent()) {
            return match self.backend {
                DbBackend::Postgres => vec![parts.recent(), parts.words_of_postgres()],
                _ => vec![parts.words_of_sqlite()],
            };
        }
        let statement = match parts.technicians.first() {
            _ if self.filter.overdue == Some(true) => parts.late(),
            Some(technician) if !self.only_open() => parts.of_technician(technician),
            _ => parts.in_order(),
        };
        vec![statement]
    }

    /// Open tickets are few: their states lead to them faster than the long past of a technician or of a kind.
    fn only_open(&self) -> bool {
        let open = |states: &super::Statuses| states.0.iter().all(|state| *state < Status::Completed);
        self.filter.status.as_ref().is_some_and(open)
    }

    /// The index that narrows most.
    fn index(&self, side: Side) -> Index {
        let (filter, owner) = (self.filter, side == Side::Owner);
        let states = filter.status.is_some();
        let index = |name, has_state| Index { name, has_state };
        let either = |by_state, without| index(if states { by_state } else { without }, states);
        if filter.number.is_some() {
            return index(if owner { "ticket_number" } else { "ticket_by_executor_number" }, false);
        }
        if filter.phone.is_some() {
            return index(if owner { "ticket_by_phone" } else { "ticket_by_executor_phone" }, false);
        }
        if filter.resident_id.is_some() || self.scope.is_resident() {
            return index("ticket_by_resident", false);
        }
        if filter.premises_id.is_some() {
            return index("ticket_by_premises", false);
        }
        // What is executed for others is little beside all that happens in a building or is of a kind.
        if filter.building_id.is_some() {
            return match side {
                Side::Owner => either("ticket_by_building_status", "ticket_by_building"),
                Side::Executor => index("ticket_by_executor_building", false),
            };
        }
        if !owner {
            return either("ticket_by_executor_status", "ticket_by_executor");
        }
        if filter.request_type_id.is_some() && !self.only_open() {
            return index("ticket_by_kind", false);
        }
        if filter.executor_organization_id.is_some() {
            return either("ticket_by_executor_status", "ticket_by_executor");
        }
        if filter.evidence_missing == Some(true) {
            return index("ticket_evidence_missing", false);
        }
        if filter.returned == Some(true) {
            return index("ticket_returned", false);
        }
        if filter.emergency == Some(true) {
            return either("ticket_emergencies_by_status", "ticket_emergencies");
        }
        let without = if filter.executor.is_some() { "ticket_by_executor_kind" } else { "ticket_by_owner" };
        either("ticket_by_status", without)
    }
}

/// Values and conditions, the same for every branch.
struct Parts<'a> {
    asked: &'a Asked<'a>,
    values: Vec<Value>,
    /// Placeholder of the organization.
    organization: String,
    /// Placeholders of the key after which the page begins.
    after: Option<(String, String)>,
    /// Placeholders of the technicians whose tickets are asked for.
    technicians: Vec<String>,
    /// Conditions on the ticket `t` that stand in every branch.
    conditions: Vec<String>,
    /// Conditions on the state, one of which must hold.
    states: Vec<String>,
}

const NEWEST: &str = "ORDER BY t.registered_at DESC, t.id DESC";

impl<'a> Parts<'a> {
    fn of(asked: &'a Asked<'a>) -> Self {
        let mut parts = Self {
            asked,
            values: Vec::new(),
            organization: String::new(),
            after: None,
            technicians: Vec::new(),
            conditions: Vec::new(),
            states: Vec::new(),
        };
        parts.organization = parts.bind(asked.scope.organization().0);
        if let Some(key) = &asked.after {
            parts.after = Some((parts.bind(key.registered_at), parts.bind(key.id.0)));
        }
        let own = asked.scope.technician();
        let mut technicians: Vec<TechnicianId> = own.into_iter().chain(asked.filter.technician_id).collect();
        technicians.dedup();
        parts.technicians = technicians.into_iter().map(|id| parts.bind(id.0)).collect();
        parts.filters();
        parts
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn equal(&mut self, column: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            let value = self.bind(value);
            self.conditions.push(format!("t.{column} = {value}"));
        }
    }

    fn filters(&mut self) {
        let filter = self.asked.filter;
        self.equal("building_id", filter.building_id.map(|id| id.0));
        self.equal("premises_id", filter.premises_id.map(|id| id.0));
        self.equal("resident_id", filter.resident_id.map(|id| id.0));
        match self.asked.scope.actor() {
            Actor::Resident { resident, .. } => self.equal("resident_id", Some(resident.0)),
            Actor::Link { ticket, .. } => self.equal("id", Some(ticket.0)),
            Actor::Staff { .. } | Actor::System => {}
        }
        self.equal("request_type_id", filter.request_type_id.map(|id| id.0));
        self.equal("executor_kind", filter.executor.map(ExecutorKind::name));
        self.equal("executor_organization_id", filter.executor_organization_id.map(|id| id.0));
        self.equal("number", filter.number.as_ref().map(|number| number.as_str()));
        self.equal("applicant_phone", filter.phone.as_ref().map(|phone| phone.as_str()));
        for (column, at) in [("registered_at >=", filter.from), ("registered_at <", filter.to)] {
            if let Some(at) = at {
                let at = self.bind(at);
                self.conditions.push(format!("t.{column} {at}"));
            }
        }
        // In words, not as a value: a partial index is chosen by what stands in the statement.
        match filter.emergency {
            Some(true) => self.conditions.push("t.emergency".to_owned()),
            Some(false) => self.conditions.push("NOT t.emergency".to_owned()),
            None => {}
        }
        match filter.evidence_missing {
            Some(true) => self.conditions.push("t.evidence_missing".to_owned()),
            Some(false) => self.conditions.push("NOT t.evidence_missing".to_owned()),
            None => {}
        }
        match filter.returned {
            Some(true) => self.conditions.push("t.return_count > 0".to_owned()),
            Some(false) => self.conditions.push("t.return_count = 0".to_owned()),
            None => {}
        }
        match filter.overdue {
            // Late tickets are few and found by their clocks, unless words are asked for.
            Some(true) if filter.q.as_ref().is_none_or(|q| q.is_silent()) => {}
            Some(overdue) => {
                let not = if overdue { "" } else { "NOT " };
                let now = self.bind(self.asked.now);
                self.conditions.push(format!(
                    "{not}EXISTS (SELECT 1 FROM deadline d WHERE d.ticket_id = t.id AND d.state = 'running'
                                  AND d.late_from < {now})"
                ));
            }
            None => {}
        }
        if let Some(states) = &filter.status {
            let names: Vec<&'static str> = states.0.iter().map(|state| state.name()).collect();
            self.states = names.into_iter().map(|name| format!("t.status = {}", self.bind(name))).collect();
        }
    }

    /// After the last ticket of the page before.
    fn keyset(&self) -> Option<String> {
        self.after.as_ref().map(|(at, id)| format!("(t.registered_at, t.id) < ({at}, {id})"))
    }

    /// The two ways in which a ticket is in sight; no ticket is both. A resident has only the first.
    fn sides(&self) -> &'static [Side] {
        if self.asked.scope.is_resident() { &[Side::Owner] } else { &[Side::Owner, Side::Executor] }
    }

    fn side(&self, side: Side) -> String {
        let organization = &self.organization;
        match side {
            Side::Owner => format!("t.organization_id = {organization}"),
            Side::Executor => {
                format!("t.executor_organization_id = {organization} AND t.organization_id <> {organization}")
            }
        }
    }

    /// In sight by either side, for statements that find their tickets otherwise.
    fn in_sight(&self) -> String {
        let sides: Vec<String> = self.sides().iter().map(|side| format!("({})", self.side(*side))).collect();
        format!("({})", sides.join(" OR "))
    }

    fn any_state(&self) -> Option<String> {
        (!self.states.is_empty()).then(|| format!("({})", self.states.join(" OR ")))
    }

    fn of_technicians(&self, but: usize) -> impl Iterator<Item = String> + '_ {
        self.technicians.iter().skip(but).map(|technician| {
            format!(
                "EXISTS (SELECT 1 FROM ticket_technician o WHERE o.technician_id = {technician}
                         AND o.registered_at = t.registered_at AND o.ticket_id = t.id)"
            )
        })
    }

    /// All conditions that no branch is made of.
    fn rest(&self, technicians_done: usize) -> Vec<String> {
        self.conditions.iter().cloned().chain(self.of_technicians(technicians_done)).collect()
    }

    fn limit(&self) -> u64 {
        self.asked.limit
    }

    fn statement(self, sql: String) -> Statement {
        Statement { sql, values: self.values }
    }

    /// Branches by side and, where the index has it, by state, each in the order of the index.
    fn in_order(self) -> Statement {
        let rest = self.rest(0);
        let mut branches = Vec::new();
        for side in self.sides() {
            let index = self.asked.index(*side);
            let states: Vec<Option<String>> = if index.has_state && !self.states.is_empty() {
                self.states.iter().cloned().map(Some).collect()
            } else {
                vec![self.any_state()]
            };
            // SQLite keeps no statistics of the tables and would have to guess.
            let hint = match self.asked.backend {
                DbBackend::Sqlite => format!(" INDEXED BY {}", index.name),
                _ => String::new(),
            };
            for state in states {
                let all = [self.side(*side)].into_iter().chain(state).chain(rest.clone());
                let all: Vec<String> = all.chain(self.keyset()).collect();
                branches.push(format!(
                    "SELECT t.* FROM ticket t{hint} WHERE {} {NEWEST} LIMIT {}",
                    all.join(" AND "),
                    self.limit()
                ));
            }
        }
        let sql = union(&branches, self.limit());
        self.statement(sql)
    }

    /// From the running clocks whose term has passed to their tickets. What burns is little, whatever stands behind it;
    /// the barrier keeps the planner from walking the tickets one by one in the hope of a late one.
    fn late(mut self) -> Statement {
        let now = self.bind(self.asked.now);
        let organization = &self.organization;
        let clocks = |column: &str, index: &str| {
            let hint = match self.asked.backend {
                DbBackend::Sqlite => format!(" INDEXED BY {index}"),
                _ => String::new(),
            };
            format!(
                "SELECT d.ticket_id FROM deadline d{hint} WHERE d.{column} = {organization}
                 AND d.state = 'running' AND d.late_from < {now} AND d.ticket_id IS NOT NULL"
            )
        };
        let mut all = vec!["t.id = l.ticket_id".to_owned(), self.in_sight()];
        all.extend(self.any_state());
        all.extend(self.rest(0));
        all.extend(self.keyset());
        let sql = format!(
            "WITH late AS MATERIALIZED ({} UNION {})
             SELECT t.* FROM late l CROSS JOIN ticket t WHERE {} {NEWEST} LIMIT {}",
            clocks("organization_id", "deadline_running"),
            clocks("executor_organization_id", "deadline_running_executor"),
            all.join(" AND "),
            self.limit()
        );
        self.statement(sql)
    }

    fn of_technician(&self, technician: &str) -> Statement {
        let mut all = vec![format!("o.technician_id = {technician} AND t.id = o.ticket_id")];
        all.extend(
            self.after.as_ref().map(|(at, id)| format!("(o.registered_at, o.ticket_id) < ({at}, {id})")),
        );
        all.push(self.in_sight());
        all.extend(self.any_state());
        all.extend(self.rest(1));
        let sql = format!(
            "SELECT t.* FROM ticket_technician o CROSS JOIN ticket t WHERE {}
             ORDER BY o.registered_at DESC, o.ticket_id DESC LIMIT {}",
            all.join(" AND "),
            self.limit()
        );
        Statement { sql, values: self.values.clone() }
    }

    /// Through the index of words, which walks its matches newest first.
    fn words_of_sqlite(mut self) -> Statement {
        let question = self.asked.filter.q.as_ref().map(|q| q.matching()).unwrap_or_default();
        let question = self.bind(question);
        let organization = &self.organization;
        let mut all = vec![format!(
            "s.ticket_search MATCH (SELECT 'tenant:\"' || word || '\" AND ' FROM search_tenant
                                    WHERE organization_id = {organization}) || {question}
             AND d.docid = s.rowid AND t.id = d.ticket_id"
        )];
        all.extend(
            self.after
                .as_ref()
                .map(|(_, id)| format!("s.rowid < (SELECT docid FROM ticket_doc WHERE ticket_id = {id})")),
        );
        all.push(self.in_sight());
        all.extend(self.any_state());
        all.extend(self.rest(0));
        let sql = format!(
            "SELECT t.* FROM ticket_search s CROSS JOIN ticket_doc d CROSS JOIN ticket t WHERE {}
             ORDER BY s.rowid DESC LIMIT {}",
            all.join(" AND "),
            self.limit()
        );
        self.statement(sql)
    }

    fn patterns(&mut self) -> Vec<String> {
        let patterns: Vec<String> =
            self.asked.filter.q.iter().flat_map(|q| q.patterns().collect::<Vec<_>>()).collect();
        patterns
            .into_iter()
            .map(|pattern| format!("(' ' || t.search || ' ') LIKE {}", self.bind(pattern)))
            .collect()
    }

    /// The newest tickets, looked through one by one: a word that many tickets have fills the page from them.
    fn recent(&self) -> Statement {
        let mut parts = Self::of(self.asked);
        let branches: Vec<String> = parts
            .sides()
            .iter()
            .map(|side| {
                let all: Vec<String> = [parts.side(*side)].into_iter().chain(parts.keyset()).collect();
                format!("SELECT t.* FROM ticket t WHERE {} {NEWEST} LIMIT {RECENT}", all.join(" AND "))
            })
            .collect();
        let recent = union(&branches, RECENT);
        let mut all = parts.patterns();
        all.extend(parts.any_state());
        all.extend(parts.rest(0));
        let sql = format!(
            "WITH recent AS MATERIALIZED ({recent}) SELECT t.* FROM recent t WHERE {} {NEWEST} LIMIT {}",
            all.join(" AND "),
            parts.limit()
        );
        parts.statement(sql)
    }

    /// All matches of what is rare, from the index of words, then the newest of them. The barrier keeps the planner from
    /// walking the tickets one by one in the hope of a match.
    fn words_of_postgres(mut self) -> Statement {
        let mut all = self.patterns();
        all.extend(self.any_state());
        all.extend(self.rest(0));
        all.extend(self.keyset());
        let all = all.join(" AND ");
        let branches: Vec<String> = self
            .sides()
            .iter()
            .map(|side| {
                format!("SELECT t.id, t.registered_at FROM ticket t WHERE {} AND {all}", self.side(*side))
            })
            .collect();
        let sql = format!(
            "WITH found AS MATERIALIZED ({}) SELECT t.* FROM
             (SELECT id FROM found ORDER BY registered_at DESC, id DESC LIMIT {}) f JOIN ticket t ON t.id = f.id
             {NEWEST}",
            branches.join(" UNION ALL "),
            self.limit()
        );
        self.statement(sql)
    }
}

/// Sorted branches as one sorted list.
fn union(branches: &[String], limit: u64) -> String {
    if let [only] = branches {
        return only.clone();
    }
    let all: Vec<String> =
        branches.iter().enumerate().map(|(n, branch)| format!("SELECT * FROM ({branch}) b{n}")).collect();
    format!("SELECT t.* FROM ({}) t {NEWEST} LIMIT {limit}", all.join(" UNION ALL "))
}
