from lsprotocol.types import ResponseError

class JsonRpcException(Exception):
    def to_response_error(self) -> ResponseError: ...
