from ..types import JSONRPCError

class SessionMessage:
    def __init__(self, message: JSONRPCError) -> None: ...
