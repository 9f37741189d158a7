"""Former codes 原平台编码: under which code an item was known on the platform before this one."""
