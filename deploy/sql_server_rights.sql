-- A login that can do what the platform does every day, and no more. For SQL Server 2017 or newer; on Azure SQL see below.
-- Run once by an administrator in the order database, after `orders-platform init-db` was run by somebody who may create tables.
-- Replace: orders_platform (the login), a password of your own, dbo (the schema), and the table names where yours differ.
CREATE LOGIN orders_platform WITH PASSWORD = N'<a password of your own>';
GO
CREATE USER orders_platform FOR LOGIN orders_platform WITH DEFAULT_SCHEMA = dbo;
GO
-- On Azure SQL a login can be made in the database master only: leave the two statements above out, and run one of these in the order
-- database instead. The first makes a user with a password of its own, the second one of Entra, such as a managed identity by its name.
--     CREATE USER orders_platform WITH PASSWORD = N'<a password of your own>', DEFAULT_SCHEMA = dbo;
--     CREATE USER orders_platform FROM EXTERNAL PROVIDER WITH DEFAULT_SCHEMA = dbo;
-- The load's table: read by the merge, filled by `orders-platform load`. Where another program fills it, SELECT is enough.
GRANT SELECT, INSERT, DELETE ON OBJECT::dbo.swp_ORDER_LIST_V2 TO orders_platform;
-- What became of each order file; for `load` and the sensor of order files only.
GRANT SELECT, INSERT ON OBJECT::dbo.ORDER_LOADS TO orders_platform;
-- Orders are never deleted.
GRANT SELECT, INSERT, UPDATE ON OBJECT::dbo.ORDER_LIST_V2 TO orders_platform;
GRANT SELECT, INSERT, DELETE ON OBJECT::dbo.swp_ORDER_LIST_LINES TO orders_platform;
GRANT SELECT, INSERT, UPDATE, DELETE ON OBJECT::dbo.ORDER_LIST_LINES TO orders_platform;
GRANT SELECT, INSERT, DELETE ON OBJECT::dbo.ORDER_SYNC_LOG TO orders_platform;
GRANT SELECT, INSERT, UPDATE ON OBJECT::dbo.ORDER_LIST_REJECTS TO orders_platform;
GRANT SELECT, INSERT, UPDATE, DELETE ON OBJECT::dbo.ORDER_SYNC_CUSTOMERS TO orders_platform;
-- The views are for BI tools: the platform reads none, but sees that they are there only with a right on them.
GRANT SELECT ON OBJECT::dbo.v_order_sync_status TO orders_platform;
GRANT SELECT ON OBJECT::dbo.v_customer_summary TO orders_platform;
-- Everything else it needs, everybody has: temporary tables, application locks (sp_getapplock, role public), the catalogue of its tables.
GO
