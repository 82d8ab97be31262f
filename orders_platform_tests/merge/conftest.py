"""The merge's tests use the order lists of the database's tests."""

from orders_platform_tests.database.conftest import (  # noqa: F401 - fixtures and a hook
    configuration,
    narrow_file,
    narrow_sql,
    order_list,
    pytest_generate_tests,
    served,
    wide,
    wide_file,
)
