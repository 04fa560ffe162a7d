//! Which part stands.

use overtime_wire::Block;

use super::PartKey;
use crate::{
    domain::{
        fact::Part,
        view::{Basis, TallyPart, VerdictPart},
    },
    store::laboratory::{Laboratory, block, function},
};

fn tallied(incarnations: u64) -> TallyPart {
    TallyPart { incarnations, ..TallyPart::default() }
}

#[tokio::test]
async fn a_part_is_replaced_only_by_one_that_has_seen_more() {
    let lab = Laboratory::open().await;
    let function = function("orders");
    let key = PartKey { function: &function, block: block(), part: Part::Tally };
    let attempts = [(1, 5), (1, 4), (1, 5), (1, 12), (2, 1), (1, 99)];
    let mut won = Vec::new();
    for (at, (generation, writes)) in (0..).zip(attempts) {
        let basis = Basis { generation, writes };
        won.push(lab.store.put_part(key, &tallied(at), basis).await.unwrap());
    }
    assert_eq!(won, [true, false, false, true, true, false]);
    let views = lab.store.blocks(&function, block(), block()).await.unwrap();
    assert_eq!(views[0].tally, Some(tallied(4)));
    let basis = lab.store.part_basis(key).await.unwrap();
    assert_eq!(basis, Some(Basis { generation: 2, writes: 1 }));
}

#[tokio::test]
async fn parts_of_many_days_are_read_in_order_and_combined() {
    let lab = Laboratory::open().await;
    let function = function("orders");
    let numbers: Vec<u32> = (0..5).map(|it| block().number() + it * 60).collect();
    for number in &numbers {
        let key = |part| PartKey { function: &function, block: Block::from_number(*number), part };
        let basis = Basis::of(u64::from(*number));
        lab.store.put_part(key(Part::Verdict), &VerdictPart::default(), basis).await.unwrap();
        lab.store.put_part(key(Part::Tally), &tallied(1), basis).await.unwrap();
    }
    let (first, last) = (Block::from_number(numbers[1]), Block::from_number(numbers[4] - 1));
    let views = lab.store.blocks(&function, first, last).await.unwrap();
    let read: Vec<(u32, u64)> = views.iter().map(|it| (it.block.number(), it.seen)).collect();
    let expected: Vec<(u32, u64)> =
        numbers[1..4].iter().map(|it| (*it, 2 * Basis::of(u64::from(*it)).weight())).collect();
    assert_eq!(read, expected);
    assert!(views.iter().all(|it| it.tally.is_some() && it.verdict.is_some()));
}
