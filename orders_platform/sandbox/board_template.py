"""The boards that a new sandbox starts with, as data: the Customer Master Schedule and the board of its subitems."""

from __future__ import annotations

from functools import cache

from orders_platform.sandbox import structure
from orders_platform.sandbox.column_labels import add as add_label
from orders_platform.sandbox.state import State

ITEMS_BOARD_ID = 9609317401
SUBITEMS_BOARD_ID = 9609317948
FIRST_GROUP_ID = "topics"

# One column a line: id, type, title. `name` comes with every board; `subtasks` comes with the board of subitems.
_ITEMS_COLUMNS = """
subtasks_mkr5c0kp          subtasks        Subitems
dropdown_mkr518fc          dropdown        ORDER TYPE
lookup_mkrbrdr1            mirror          QTY ORDERED
lookup_mkrdm6xp            mirror          QTY PACKED
lookup_mkrds06t            mirror          QTY SHIPPED
dropdown_mkr542p2          dropdown        CUSTOMER
text_mkr5wya6              text            AAG ORDER NUMBER
dropdown_mkr58de6          dropdown        AAG SEASON
dropdown_mkr5rgs6          dropdown        CUSTOMER SEASON
date_mkr5zp5               date            ORDER DATE PO RECEIVED
dropdown_mkr5w5e           dropdown        DROP
text_mkr5ej2x              text            PO NUMBER
text_mkrh94rx              text            CUSTOMER ALT PO
text_mktdechp              text            STYLE
text_mkr5cz8m              text            PATTERN ID
text_mkrhra2c              text            ALIAS RELATED ITEM
long_text_mkr5p0cf         long_text       STYLE DESCRIPTION
long_text_mktdy7re         long_text       COLOR
dropdown_mkr5s5n3          dropdown        CATEGORY
color_mkr5yf27             status          UNIT OF MEASURE
text_mkr5kbc6              text            DESTINATION
text_mkr5ps35              text            DESTINATION WAREHOUSE
date_mkr554yz              date            CUSTOMER REQ IN DC DATE
date_mkr57811              date            CUSTOMER EX FACTORY DATE
dropdown_mkr5kk5           dropdown        DELIVERY TERMS
text_mkr5wcpw              text            PLANNED DELIVERY METHOD
long_text_mkr5hass         long_text       NOTES
numeric_mkr5cact           numbers         CUSTOMER PRICE
numeric_mkr5yne4           numbers         USA ONLY LSTP 75% EX WORKS
numeric_mkr5erhv           numbers         EX WORKS (USD)
numeric_mkr5k68            numbers         ADMINISTRATION FEE
numeric_mkr5h612           numbers         DESIGN FEE
numeric_mkr5gp6a           numbers         FX CHARGE
text_mkr5s3tm              text            HANDLING
numeric_mkr57cem           numbers         SURCHARGE FEE
numeric_mkr56xx8           numbers         DISCOUNT
numeric_mkr5nhr7           numbers         FINAL FOB (USD)
long_text_mktdz0g          long_text       HS CODE
numeric_mkr5r6at           numbers         US DUTY RATE
numeric_mkr5ev2q           numbers         US DUTY
numeric_mksfr0r2           numbers         FREIGHT
numeric_mkr55zg1           numbers         US TARIFF RATE
numeric_mkr51ndy           numbers         US TARIFF
numeric_mkr5js0x           numbers         DDP US (USD)
numeric_mkr58nvp           numbers         SMS PRICE USD
text_mkr5ptvg              text            FINAL PRICES Y/N
long_text_mkr5znxn         long_text       NOTES FOR PRICE
pulse_id_mkr5pb5q          item_id         Item ID
text_mkr61hpz              text            matchAlias
board_relation_mkr5cer8    board_relation  PLANNING BOARD
lookup_mkr6113x            mirror          EX-FTY (Change Request)
lookup_mkr6eatd            mirror          REQUESTED XFD STATUS
lookup_mkr6bhyv            mirror          EX-FTY (Forecast)
lookup_mkr640ap            mirror          EX-FTY (Partner PO)
lookup_mkr5nd5t            mirror          EX-FTY (Revised LS)
lookup_mkr5j8kx            mirror          PRODUCTION TYPE
lookup_mkr51rn0            mirror          AQL INSPECTION
lookup_mkr5jem9            mirror          AQL TYPE
lookup_mkr5bnt8            mirror          PLANNED CUT DATE
lookup_mkr5ew17            mirror          MO NUMBER
lookup_mkr5aapc            mirror          PRODUCTION STATUS
lookup_mkr5yabx            mirror          FACTORY COUNTRY
lookup_mkr55sr9            mirror          FACTORY
lookup_mkr5hhjy            mirror          ALLOCATION STATUS
lookup_mkr5fkj1            mirror          PRODUCTION QTY
lookup_mkr53kbm            mirror          TRIM ETA DATE
lookup_mkr5vk6m            mirror          FABRIC ETA DATE
lookup_mkr52fpd            mirror          TRIM STATUS
lookup_mkr5k4yj            mirror          FABRIC STATUS
color_mkr5j5pp             status          ORDER STATUS
numeric_mkrb56rj           numbers         FCST QTY
numeric_mkrbty8b           numbers         FCST CONSUMED QTY
formula_mkrb53jx           formula         Net Demand
formula_mkrd937j           formula         REVENUE (FOB)
color_mkrerxrs             status          ADD TO PLANNING
date_mkrvx550              date            PPS CMT DUE
date_mkrvpbcr              date            PPS CMT RCV
color_mkrvzryf             status          PPS STATUS
long_text_mks0vs1p         long_text       RANGE / COLLECTION
pulse_updated_mks8qpqh     last_updated    Last updated
numeric_mktb1d19           numbers         ORDER QTY
numeric_mktb14eh           numbers         PACKED QTY
numeric_mktb1k33           numbers         SHIPPED QTY
long_text_mktdjzcg         long_text       CUSTOMER COLOR CODE
"""

_SUBITEMS_COLUMNS = """
dropdown_mkrak7qp          dropdown        Size
numeric_mkra7j8e           numbers         Order Qty
numeric_mkrbgdat           numbers         Cut Qty
numeric_mkrc5ryb           numbers         Sew Qty
numeric_mkrc7jfj           numbers         Finishing Qty
numeric_mkrcq53k           numbers         Received not Shipped Qty
numeric_mkraepx7           numbers         Packed Qty
numeric_mkrapgwv           numbers         Shipped Qty
color_mkrbezbh             status          ORDER LINE STATUS
pulse_id_mkrag4a3          item_id         Item ID
"""

_CUSTOMERS = """
ACTIVELY BLACK; AESCAPE; AIME LEON DORE; AJE; ALWRLD; ASHER GOLF; ASRV; B'HOOD; BAD BIRDIE; BANDIER; BANDIT RUNNING;
BC BRANDS; BEAU HUDSON; BOGGI; BORN PRIMITIVE; CAMILLA; CUTS CLOTHING; DAVID JONES(UNE PIECE); DSSLR; EDWONDER; EQUINOX;
EXOTICA; GET LAMBS; FEETURES; G FORE; GREYSON; JOHNNIE O; JOHNNY WAS; LAMBS; LORNA JANE; MACK WELDON; PELOTON; RARE;
REC GEN; RHONE; RHYTHM; RYDERWEAR; SEISSENSE; SOUL CYCLE; SPIRITUAL GANGSTER; STARLIGHT;
STARLIGHT CHILDREN'S FOUNDATION (AU); SUMMERSALT; SUN DAY RED; TAYLOR MADE; TELFAR; TITLE NINE; TRACK SMITH; UNE PIECE;
WHITE FOX; NASC WHITE FOX; NOBULL
"""

_LABELS: dict[str, tuple[str, ...]] = {
    "dropdown_mkr518fc": ("RECEIVED", "FORECAST", "CANCELLED"),
    "dropdown_mkr542p2": tuple(name.strip() for name in _CUSTOMERS.split(";")),
    "dropdown_mkr58de6": ("2025 SPRING", "2025 SUMMER", "2025 FALL", "2026 SPRING", "2026 SUMMER", "2026 FALL"),
    "dropdown_mkr5rgs6": ("SP25", "SS25", "FA25", "FW25", "SP26", "SS26"),
    "dropdown_mkr5w5e": ("DROP01", "DROP02", "DROP03"),
    "dropdown_mkr5s5n3": ("MENS", "WOMENS", "YOUTH", "ACCESSORIES"),
    "dropdown_mkr5kk5": ("FOB", "DDP", "EXW", "CIF"),
    "color_mkr5yf27": ("PCS", "EACH", "PAIR", "SET", "PACK", "DOZEN"),
    "color_mkr5j5pp": ("OPEN", "IN PRODUCTION", "SHIPPED", "CLOSED", "CANCELLED"),
    "color_mkrerxrs": ("YES", "NO"),
    "color_mkrvzryf": ("APPROVED", "PENDING", "REJECTED"),
    "dropdown_mkrak7qp": ("XXS", "XS", "S", "M", "L", "XL", "2XL", "3XL", "ONE SIZE"),
    "color_mkrbezbh": ("OPEN", "CUTTING", "SEWING", "FINISHING", "PACKED", "SHIPPED"),
}


def plant(state: State) -> None:
    """Makes the two boards, with one group, unless the state already holds boards."""
    if structure.boards(state):
        return
    if state.is_in_memory:
        state.become_copy_of(_planted(), state.clock())
    else:
        _plant(state)


@cache
def _planted() -> State:
    """The boards once made: thousands of simulated sandboxes are copies of it."""
    state = State(None, clock=lambda: 0.0)
    _plant(state)
    return state


def _plant(state: State) -> None:
    with state.transaction():
        structure.add_board(state, "Customer Master Schedule", board_id=ITEMS_BOARD_ID)
        structure.add_group(state, ITEMS_BOARD_ID, "New orders", group_id=FIRST_GROUP_ID)
        board = structure.board(state, ITEMS_BOARD_ID)
        if board is None:
            raise LookupError(ITEMS_BOARD_ID)
        columns = _columns(_ITEMS_COLUMNS)
        structure.add_subitems_board(state, board, column_id=columns[0][0], board_id=SUBITEMS_BOARD_ID)
        _add_columns(state, ITEMS_BOARD_ID, columns[1:])
        _add_columns(state, SUBITEMS_BOARD_ID, _columns(_SUBITEMS_COLUMNS))


def _columns(text: str) -> list[tuple[str, str, str]]:
    """Id, type and title of each line."""
    lines = (line.split(maxsplit=2) for line in text.strip().splitlines())
    return [(column_id, column_type, title) for column_id, column_type, title in lines]


def _add_columns(state: State, board_id: int, columns: list[tuple[str, str, str]]) -> None:
    for column_id, column_type, title in columns:
        structure.add_column(state, board_id, column_type, title, column_id=column_id)
        column = structure.columns(state, board_id)[column_id]
        for name in _LABELS.get(column_id, ()):
            add_label(state, column, name)
